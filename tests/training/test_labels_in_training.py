"""A conditional run: what the data decide, what its folder holds, and what is refused before anything is written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import stand_in_config
from fork_server import Training
from omegaconf import OmegaConf
from test_resume import assert_same, checkpoint, timeless

from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError
from genlab.runs.reload import load
from genlab.training.resume import resume
from genlab.training.train import train

SMALL = ["callbacks=search", "logger=none", "data.batch_size=100", "trainer.max_epochs=2", "model.hidden_dims=[16]"]
SMALL += ["callbacks.test_nll.images=4", "callbacks.test_nll.samples=3", "callbacks.checkpoints.monitor=null"]
TOLD = ["model.conditional=true", "model.label_dropout=0.2"]


@pytest.fixture(scope="module")
def run(mnist_root, tmp_path_factory):
    cfg = stand_in_config(mnist_root, tmp_path_factory.mktemp("told"), *SMALL, *TOLD)
    train(cfg)
    return Path(cfg.run_dir)


def test_the_run_folder_says_how_many_labels_there_are(run):
    assert OmegaConf.load(run / "config.yaml").model.num_classes == 10
    assert checkpoint(run)["hyper_parameters"]["num_classes"] == 10


def test_the_prior_is_the_shares_of_the_training_images_and_comes_back_with_the_model(run, mnist_root):
    data = ImageDataModule(root=str(mnist_root))
    data.setup()
    labels = data.train_set.labels.long()
    counts = torch.tensor([1 + (labels == y).sum() for y in range(10)])
    model = load(run)
    torch.testing.assert_close(model.label_prior, counts / (len(labels) + 10))
    assert model.sample(20, labels=torch.arange(10).repeat(2)).shape == (20, 1, 28, 28)


def test_training_has_moved_each_label_and_not_the_null_label(run):
    for key, weight in checkpoint(run)["state_dict"].items():
        if key.endswith("embedding.weight"):
            assert weight[:10].any(1).all() and not weight[10].any(), key


def test_a_resumed_run_is_the_run_that_was_never_stopped(run, mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *SMALL, *TOLD, "trainer.max_epochs=1")
    train(cfg)
    resume(cfg.run_dir, ["trainer.max_epochs=2"])
    assert_same(timeless(checkpoint(Path(cfg.run_dir))), timeless(checkpoint(run)))


@pytest.mark.parametrize(("labels", "classes"), [(None, 0), (np.zeros(20, dtype=np.int64), 1)])
def test_images_without_labels_are_one_line(labels, classes, mnist_root, tmp_path):
    arrays = {"images": np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)}
    np.savez(tmp_path / "own.npz", **arrays, **({} if labels is None else {"labels": labels}))
    cfg = stand_in_config(mnist_root, tmp_path, *SMALL, "data=arrays", f"data.root={tmp_path / 'own.npz'}", *TOLD[:1])
    with pytest.raises(ConfigError, match=f"^model: conditional=true .* these have {classes}$"):
        train(cfg)
    assert not (tmp_path / "run").exists()


def test_fewer_labels_than_the_images_have_are_one_line(mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *SMALL, *TOLD, "+model.num_classes=3")
    with pytest.raises(ConfigError, match=r"^model.num_classes=3: the images of data=mnist have 10; leave it out$"):
        train(cfg)


@pytest.mark.slow
def test_a_sweep_compares_a_conditional_run_with_one_that_is_not(mnist_root, tmp_path):
    words = ["-m", "model.conditional=true,false", *SMALL, "trainer.accelerator=cpu", f"data.root={mnist_root}"]
    code, _, err = Training(tmp_path, *words, f"outputs={tmp_path}").end()
    assert code == 0, err
    (table,) = tmp_path.glob("sweeps/*/sweep.csv")
    assert "model.conditional" in table.read_text().splitlines()[0]
