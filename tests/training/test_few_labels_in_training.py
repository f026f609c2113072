"""A run that is told few labels: what is hidden changes nothing, and what is refused before anything is written."""

import shutil
from pathlib import Path

import pytest
import torch
from conftest import stand_in_config, write_idx
from test_labels_in_training import SMALL
from test_resume import assert_same, checkpoint, timeless

from genlab.data.catalogue import FILES
from genlab.data.datamodule import ImageDataModule
from genlab.data.idx import read_idx
from genlab.data.splits import LABEL_SEED, chosen_evenly
from genlab.errors import ConfigError
from genlab.runs.reload import load
from genlab.training.resume import resume
from genlab.training.train import train

FEW = [*SMALL, "model.labels=20", "model.latent_dim=3"]


@pytest.fixture(scope="module")
def run(mnist_root, tmp_path_factory):
    cfg = stand_in_config(mnist_root, tmp_path_factory.mktemp("few"), *FEW)
    train(cfg)
    return Path(cfg.run_dir)


def test_the_run_is_loaded_from_its_folder_and_has_none_of_the_images(run):
    model = load(run)
    assert (model.labels, model.conditional, model.num_classes) == (20, True, 10)
    assert model.classify(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert not [
        key for key in checkpoint(run)["state_dict"] if key.endswith(("few_labels.images", "few_labels.labels"))
    ]


def test_hidden_labels_change_nothing(run, mnist_root, tmp_path):
    """Those of half the images are others, the choice of the known ones being the same."""
    root = tmp_path / "data"
    shutil.copytree(mnist_root, root)
    path = root / "MNIST" / "raw" / FILES[1]
    labels = read_idx(path, dimensions=1)
    n = len(labels) - len(labels) // 12
    order = torch.randperm(n, generator=torch.Generator().manual_seed(LABEL_SEED))
    rows = chosen_evenly(labels[:n], 20, 10)
    last = max(order.tolist().index(row) for row in rows.tolist())
    later = order[last + 1 :]  # which the choice does not come to
    changed = labels.clone()
    changed[later] = labels[later.roll(1)]
    assert (changed != labels).sum() > n / 2 and torch.equal(chosen_evenly(changed[:n], 20, 10), rows)
    path.unlink()
    write_idx(path, changed)
    cfg = stand_in_config(root, tmp_path, *FEW)
    train(cfg)
    assert_same(timeless(checkpoint(Path(cfg.run_dir))), timeless(checkpoint(run)))


def test_a_known_label_does_change_the_run(run, mnist_root, tmp_path, monkeypatch):
    hide = ImageDataModule.hide_labels

    def wrong(data, but):
        images, labels, of = hide(data, but)
        return images, (labels + 1) % 10, of

    monkeypatch.setattr(ImageDataModule, "hide_labels", wrong)
    cfg = stand_in_config(mnist_root, tmp_path, *FEW)
    train(cfg)
    key = "few_labels.classifier.1.0.weight"
    assert not torch.equal(*(checkpoint(folder)["state_dict"][key] for folder in (run, Path(cfg.run_dir))))


def test_a_resumed_run_is_the_run_that_was_never_stopped(run, mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *FEW, "trainer.max_epochs=1")
    train(cfg)
    resume(cfg.run_dir, ["trainer.max_epochs=2"])
    assert_same(timeless(checkpoint(Path(cfg.run_dir))), timeless(checkpoint(run)))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.labels=551", r"^model.labels=551: there are 550 training images; give fewer$"),
        ("model.labels=9", r"^model.labels=9: there are 10 classes; give one label for each at least$"),
        ("model.labels=-1", r"^model.labels=-1: should be greater than 0$"),
        ("model.label_dropout=0.1", r"^model: label_dropout=0.1 is of images that all have labels; .* out$"),
    ],
)
def test_what_makes_no_sense_is_one_line(setting, words, mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *FEW, setting)
    with pytest.raises(ConfigError, match=words):
        train(cfg)
    assert not (tmp_path / "run").exists()
