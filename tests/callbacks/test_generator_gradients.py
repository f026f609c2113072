"""The demonstration of the saturating loss."""

import pytest
import torch
from conftest import stand_in_config
from PIL import Image
from pytorch_lightning import LightningModule, Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.callbacks.generator_gradients import GeneratorGradients
from genlab.training.train import train

QUICK = ["experiment=saturating_gradient", "data.batch_size=50", "trainer.limit_train_batches=11"]
QUICK += ["evaluate_every=0", "callbacks.checkpoints.monitor=null"]
TAGS = ("train/gradient_norm_saturating", "train/gradient_norm_non_saturating")


@pytest.fixture(scope="module")
def run(mnist_root, tmp_path_factory):
    """One finished run, to look at: its folder and its events."""
    folder = tmp_path_factory.mktemp("gradients")
    settings = ["callbacks.generator_gradients.every_n_batches=2", "trainer.max_epochs=2"]
    train(stand_in_config(mnist_root, folder, *QUICK, *settings))
    accumulator = EventAccumulator(str(folder / "run"), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return folder / "run", accumulator


def test_two_curves_on_the_axis_of_batches(run):
    for tag in TAGS:
        assert [event.step for event in run[1].Scalars(tag)] == list(range(0, 23, 2))


def test_the_saturating_gradient_vanishes_and_the_other_does_not(run):
    """With D ahead they start alike, since D is about one half everywhere, and part as D grows sure."""
    saturating, non_saturating = ([event.value for event in run[1].Scalars(tag)] for tag in TAGS)
    assert saturating[0] == pytest.approx(non_saturating[0], rel=0.2)
    assert saturating[-1] < 0.1 * non_saturating[-1]
    assert non_saturating[-1] > non_saturating[0]


def test_the_picture_is_in_the_folder_and_in_tensorboard(run):
    folder, events = run
    (image,) = events.Images("generator_gradients")
    assert image.step == 22
    with Image.open(folder / "images" / "generator_gradients.png") as picture:
        assert picture.size == (700, 450) == (image.width, image.height)


@pytest.mark.slow
def test_measuring_changes_no_weight(compose_config, tmp_path):
    states = []
    for name, without in (("measured", []), ("plain", ["~callbacks.generator_gradients"])):
        train(compose_config(*QUICK, *without, f"run_dir={tmp_path / name}"))
        path = tmp_path / name / "checkpoints" / "last.ckpt"
        states.append(torch.load(path, weights_only=True)["state_dict"])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])


def test_a_model_without_a_generator_is_skipped(tmp_path):
    callback = GeneratorGradients()
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    callback.on_train_start(trainer, LightningModule())
    callback.on_fit_end(trainer, LightningModule())
    assert list(tmp_path.iterdir()) == []
