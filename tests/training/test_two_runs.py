"""Two runs that start in the same second share nothing; of two that resume one folder, one is told to wait."""

import json
import signal
from contextlib import contextmanager
from multiprocessing.connection import wait

import pytest
from conftest import SMALL_PICTURES, stand_in_config
from fork_server import Training
from test_resume import assert_same_run, checkpoint

from genlab.data.catalogue import FILES
from genlab.runs.lock import locked
from genlab.training.resume import resume
from genlab.training.train import train

pytestmark = pytest.mark.slow  # real processes

SMALL = ["model.hidden_dims=[4]", "model.latent_dim=1", "trainer.max_epochs=1", "trainer.accelerator=cpu"]
SMALL += ["callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "data.batch_size=300"]
RUNS = 6  # at once: fifteen pairs
BATCHES = 2  # an epoch of 550 images
PICTURES = ("samples", "reconstructions", "manifold", "code_scatter", "interpolation", "traversals")
QUICK = [*SMALL, *(f"~callbacks.{name}" for name in PICTURES)]


def train_at_once(runs, folder, *arguments, **more):
    ends = [training.end() for training in [Training(folder, *arguments, **more) for _ in range(runs)]]
    assert [code for code, _, _ in ends] == [0] * runs, ends


def test_runs_at_once_share_no_folder_and_no_file(tmp_path, mnist_root):
    train_at_once(RUNS, tmp_path, *SMALL, *SMALL_PICTURES, f"data.root={mnist_root}")
    runs = list((tmp_path / "outputs" / "vae").iterdir())
    assert len(runs) == RUNS
    inodes = [path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()]
    assert len(set(inodes)) == len(inodes)
    for run in runs:
        assert json.loads((run / "summary.json").read_text())["status"] == "finished"
        assert len(list(run.glob("events.out.tfevents.*"))) == 3  # training, test, and the pictures
        assert len((run / "metrics.csv").read_text().splitlines()) == 4  # names, train, val, test
        assert (run / "checkpoints" / "last.ckpt").exists()


def test_two_processes_fill_an_empty_cache_at_once(tmp_path):
    limits = ["trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1"]
    train_at_once(2, tmp_path, *SMALL, *limits, environment={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    raw = tmp_path / "cache" / "genlab" / "MNIST" / "raw"
    assert sorted(path.name for path in raw.iterdir() if not path.name.startswith(".")) == sorted(FILES)


def test_of_two_processes_that_resume_one_folder_at_once_one_goes_on(mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *QUICK)
    train(cfg)
    pair = [Training(tmp_path, "resume=run", "trainer.max_epochs=100000") for _ in range(2)]
    (ended,) = wait([training.process.sentinel for training in pair], timeout=100)
    refused, goes_on = sorted(pair, key=lambda training: training.process.sentinel != ended)
    answer = f"error: {tmp_path / 'run'}: another process is training into this folder; wait for it, or stop it\n"
    assert refused.end() == (1, "", answer)

    assert any(line.startswith("epoch ") for line in goes_on.out)
    goes_on.process.terminate()
    code, _, errors = goes_on.end()
    assert (code, "interrupted; to go on" in errors) == (128 + signal.SIGTERM, True), errors
    epochs = 1 + checkpoint(tmp_path / "run")["genlab"]["batches"] // BATCHES
    resume(cfg.run_dir, [f"trainer.max_epochs={epochs}"])
    whole = stand_in_config(mnist_root, tmp_path, *QUICK, f"trainer.max_epochs={epochs}", f"run_dir={tmp_path}/whole")
    train(whole)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_what_another_process_has_just_done_is_not_done_again(mnist_root, tmp_path, monkeypatch, capsys):
    """It has the lock until this one has read the folder, and has finished the run when it lets go."""
    cfg = stand_in_config(mnist_root, tmp_path, *QUICK)
    train(cfg)
    left = {}

    @contextmanager
    def locked_after_another(folder):
        monkeypatch.undo()
        resume(cfg.run_dir, ["trainer.max_epochs=2"])
        capsys.readouterr()
        left.update({path: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
        with locked(folder):
            yield

    monkeypatch.setattr("genlab.training.resume.locked", locked_after_another)
    resume(cfg.run_dir, ["trainer.max_epochs=2"])
    assert "finished already, after 2 epochs" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == left
