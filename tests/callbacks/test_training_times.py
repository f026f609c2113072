"""times.csv: a clock that counts training batches, and nothing else, through stops and resumed parts."""

from pathlib import Path

import pytest
from conftest import stand_in_config
from pytorch_lightning import LightningModule
from test_resume import ctrl_c, kill, stop

from genlab.runs.metrics import read_times
from genlab.training.resume import resume
from genlab.training.train import train

SETTINGS = ["data.batch_size=100", "trainer.max_epochs=3", "model.hidden_dims=[8]", "callbacks.test_nll.images=2"]
EPOCH = 6  # batches of 550 images


@pytest.fixture
def cfg(mnist_root, tmp_path, monkeypatch):
    """A run for which a second passes with each training batch, 1,000 with each picture and other batch."""
    clock = [0.0]
    transfer = LightningModule.on_before_batch_transfer

    def tick(self, *args):
        clock[0] += 1 if self.trainer.training else 1000
        return transfer(self, *args)

    def slow_picture(picture, path):
        clock[0] += 1000

    monkeypatch.setattr(LightningModule, "on_before_batch_transfer", tick)
    monkeypatch.setattr("genlab.callbacks.picture.save_image", slow_picture)
    monkeypatch.setattr("genlab.callbacks.training_times.perf_counter", lambda: clock[0])
    monkeypatch.setattr("genlab.callbacks.samples.Samples.on_fit_end", lambda *args: None)
    return stand_in_config(mnist_root, tmp_path, *SETTINGS)


def times(cfg):
    return read_times(Path(cfg.run_dir) / "times.csv")


def test_training_alone_counts(cfg):
    train(cfg)
    assert (Path(cfg.run_dir) / "times.csv").read_text() == "epoch,step,seconds\n0,6,6.0\n1,12,12.0\n2,18,18.0\n"


@pytest.mark.parametrize(
    ("how", "batch"),
    [(ctrl_c, 9), (ctrl_c, 12), (kill, 9), (kill, 2)],
    ids=["in an epoch", "at its end", "killed", "killed in the first epoch"],
)
def test_a_resumed_run_goes_on_counting(cfg, monkeypatch, how, batch):
    stop(cfg, batch, monkeypatch, how)
    resume(cfg.run_dir, [])
    assert times(cfg) == [(epoch, EPOCH * (epoch + 1), EPOCH * (epoch + 1.0)) for epoch in range(3)]


def test_what_was_trained_after_the_checkpoint_is_dropped(cfg, monkeypatch):
    stop(cfg, 9, monkeypatch, kill)
    file = Path(cfg.run_dir) / "times.csv"
    file.write_text(file.read_text() + "1,12,500.0\n")  # its checkpoint was not written any more
    resume(cfg.run_dir, [])
    assert times(cfg) == [(0, 6, 6.0), (1, 12, 12.0), (2, 18, 18.0)]


@pytest.mark.parametrize("text", [None, "epoch,step,seconds\n0,5,3.0\n"])
def test_times_that_are_lost_are_not_made_up(cfg, monkeypatch, text):
    stop(cfg, 9, monkeypatch, kill)
    file = Path(cfg.run_dir) / "times.csv"
    file.unlink() if text is None else file.write_text(text)
    resume(cfg.run_dir, [])
    assert (file.read_text() if text else file.exists()) == (text or False)
