"""Whole runs of the GAN: its run folder, resuming, precision, processes."""

import json

import pytest
import torch
from conftest import first_is_quick, stand_in_config
from fork_server import together
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.errors import ConfigError
from genlab.models.gan import GAN
from genlab.training.train import build, train

QUICK = ["model=gan", "data.batch_size=100", "trainer.log_every_n_steps=1", "trainer.max_epochs=2"]
QUICK += ["evaluate_every=0"]
BATCHES = 6  # an epoch of 550 images
SHARED = ("value", "d_real", "d_fake", "discriminator_accuracy", "discriminator_loss", "generator_loss")
NORMS = ("generator_gradient_norm", "discriminator_gradient_norm")


@pytest.fixture(scope="module")
def finished(mnist_root, tmp_path_factory):
    """One finished run, to look at: its folder and its metrics."""
    folder = tmp_path_factory.mktemp("gan")
    return folder / "run", train(stand_in_config(mnist_root, folder, *QUICK, "model.ema_decay=0.9"))


@pytest.fixture(scope="module")
def events(finished):
    accumulator = EventAccumulator(str(finished[0]), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def test_every_quantity_is_a_curve_in_every_split(events):
    expected = {f"{split}/{name}" for split in ("train", "val", "test") for name in SHARED}
    expected |= {f"train/{name}" for name in NORMS} | {"at a glance/train value"}
    assert expected <= set(events.Tags()["scalars"])


def test_scalars_and_pictures_count_batches_though_there_are_two_optimizers(events):
    assert [event.step for event in events.Scalars("train/value")] == list(range(1, 2 * BATCHES + 1))
    assert [event.step for event in events.Scalars("val/value")] == [BATCHES, 2 * BATCHES]
    for picture in ("at a glance/samples", "interpolation"):
        assert [event.step for event in events.Images(picture)] == [0, BATCHES, 2 * BATCHES]


def test_without_evaluation_the_only_checkpoint_is_the_last(finished):
    folder, _ = finished
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.ckpt"]


def test_the_checkpoint_loads_without_executing_code_and_without_a_config(finished):
    path = finished[0] / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    model = GAN(**checkpoint["hyper_parameters"])
    model.load_state_dict(checkpoint["state_dict"])
    assert model.ema_decay == 0.9
    assert (checkpoint["epoch"], len(checkpoint["optimizer_states"])) == (1, 2)


def test_a_checkpoint_is_written_each_epoch(compose_config, tmp_path, monkeypatch):
    epochs, path = [], tmp_path / "run" / "checkpoints" / "last.ckpt"
    monkeypatch.setattr(
        GAN, "on_train_epoch_start", lambda self: epochs.append(path.exists() and torch.load(path)["epoch"])
    )
    train(compose_config(*QUICK, "trainer.max_epochs=3"))
    assert epochs == [False, 0, 1]


def test_the_summary_says_how_each_number_is_measured(finished):
    summary = json.loads((finished[0] / "summary.json").read_text())
    assert summary["model"] == "GAN"
    assert {f"test/{name}" for name in SHARED} <= set(summary["protocol"])
    assert "-1.3863" in summary["protocol"]["test/value"]


def test_the_metrics_are_those_of_one_pass_over_all_test_images(finished, mnist_root):
    """By hand, in one batch: value, accuracy and d_real, with the noise that belongs to each image."""
    from genlab.data.datamodule import ImageDataModule
    from genlab.models.fixed_noise import fixed_normal

    folder, metrics = finished
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    model = GAN(**checkpoint["hyper_parameters"]).eval()
    model.load_state_dict(checkpoint["state_dict"])
    data = ImageDataModule("mnist", root=str(mnist_root))
    data.setup()
    images = data.test_set.images / 255
    with torch.no_grad():
        real = model.discriminator(2 * images - 1).double()
        fake = model.discriminator(model.generator(fixed_normal(images, (100,)))).double()
    by_hand = {
        "test/value": torch.log(real.sigmoid()).mean() + torch.log(1 - fake.sigmoid()).mean(),
        "test/d_real": real.sigmoid().mean(),
        "test/discriminator_accuracy": ((real > 0).double().mean() + (fake < 0).double().mean()) / 2,
        "test/generator_loss": -torch.log(fake.sigmoid()).mean(),
    }
    assert {name: metrics[name] for name in by_hand} == pytest.approx(
        {name: x.item() for name, x in by_hand.items()}, rel=1e-4
    )


def flat(checkpoint):
    """Weights, the average and the state of both optimizers."""
    tensors = dict(checkpoint["state_dict"])
    for i, optimizer in enumerate(checkpoint["optimizer_states"]):
        for parameter, state in optimizer["state"].items():
            tensors |= {f"{i}.{parameter}.{name}": torch.as_tensor(x) for name, x in state.items()}
    return tensors


@pytest.mark.slow
def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(compose_config, tmp_path):
    settings = [*QUICK, "model.ema_decay=0.9", "model.discriminator_steps=2", "model.penalty=gradient_penalty"]
    whole, parts = (compose_config(*settings, f"run_dir={tmp_path / name}") for name in ("whole", "parts"))
    train(whole)
    parts.trainer.max_epochs = 1
    train(parts)
    parts.trainer.max_epochs = 2
    resumed = build(parts)
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    resumed.trainer.fit(resumed.model, datamodule=resumed.data, ckpt_path=last)
    assert resumed.trainer.fit_loop.total_batch_idx + 1 == 2 * BATCHES
    expected = flat(torch.load(tmp_path / "whole" / "checkpoints" / "last.ckpt", weights_only=True))
    found = flat(torch.load(last, weights_only=True))
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


@pytest.mark.parametrize(
    "overrides",
    first_is_quick(
        [
            ["debug=fast"],
            ["debug=overfit", "trainer.max_epochs=1"],
            ["logger=none"],
            ["++trainer.fast_dev_run=true"],
            ["++trainer.precision=bf16-mixed", "model.penalty=r1", "++trainer.limit_train_batches=2"],
            ["trainer.max_epochs=0"],
            ["experiment=gan_convolutional", "++trainer.limit_train_batches=2"],
            ["model.objective=wasserstein", "model.penalty=gradient_penalty", "model.discriminator_steps=5"],
        ]
    ),
    ids=lambda overrides: overrides[0],
)
def test_presets_and_settings_run(compose_config, tmp_path, overrides):
    metrics = train(compose_config(*QUICK, *overrides))
    assert metrics["test/value"] < 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "finished"


def test_a_wasserstein_game_without_a_bound_on_the_slope_comes_with_a_warning(compose_config, tmp_path):
    train(compose_config(*QUICK, "model.objective=wasserstein", "++trainer.limit_train_batches=2"))
    assert "1-Lipschitz" in json.loads((tmp_path / "run" / "summary.json").read_text())["warnings"][0]


@pytest.mark.parametrize("setting", ["gradient_clip_val=1.0", "accumulate_grad_batches=2"])
def test_what_manual_optimization_cannot_do_is_refused_in_one_line(compose_config, tmp_path, setting):
    with pytest.raises(ConfigError, match=f"^trainer.{setting}: not for GAN.*; leave it out$"):
        train(compose_config(*QUICK, f"++trainer.{setting}"))
    assert not (tmp_path / "run").exists()


TWO_PROCESSES = """
import sys
import torch
from pytorch_lightning import Trainer
from genlab.callbacks.random_state import RandomState
from genlab.data.datamodule import ImageDataModule
from genlab.models.gan import GAN

torch.manual_seed(0)
model = GAN(discriminator_steps=2, penalty="r1", ema_decay=0.5)
silent = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp_find_unused_parameters_true", max_epochs=1,
                  callbacks=[RandomState()], use_distributed_sampler=False, limit_train_batches=3,
                  limit_val_batches=1, **silent)
trainer.fit(model, datamodule=ImageDataModule("mnist", root=sys.argv[1], batch_size=50))
weights = torch.cat([p.detach().flatten() for p in model.parameters()])
both = trainer.strategy.all_gather(weights)
noise = trainer.strategy.all_gather(torch.randn(5))
if trainer.is_global_zero:
    print("equal weights", torch.equal(both[0], both[1]), "equal noise", torch.equal(noise[0], noise[1]))
"""


@pytest.mark.slow
def test_two_processes_keep_equal_weights_from_different_noise(tmp_path, mnist_root):
    script = tmp_path / "two_processes.py"
    script.write_text(TWO_PROCESSES)
    ends = [process.end() for process in together(tmp_path, mnist_root, program=script)]
    assert "equal weights True equal noise False" in ends[0][1], ends
