"""Two runs that start in the same second share nothing; of two that resume one folder, one is told to wait."""

import json

import pytest
from processes import Training

SMALL = ["model.hidden_dims=[4]", "model.latent_dim=1", "trainer.max_epochs=1", "trainer.accelerator=cpu"]
SMALL += ["callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "data.batch_size=300"]
PAIRS = 10


def train_two(folder, *arguments):
    pair = [Training(folder, *arguments) for _ in range(2)]
    ends = [training.end() for training in pair]
    assert [code for code, _, _ in ends] == [0, 0], ends


@pytest.mark.slow
def test_two_runs_at_once_share_no_folder_and_no_file(tmp_path, mnist_root):
    for _ in range(PAIRS):
        train_two(tmp_path, *SMALL, f"data.root={mnist_root}")
    runs = list((tmp_path / "outputs" / "vae").iterdir())
    assert len(runs) == 2 * PAIRS
    inodes = [path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()]
    assert len(set(inodes)) == len(inodes)
    for run in runs:
        assert json.loads((run / "summary.json").read_text())["status"] == "finished"
        assert len(list(run.glob("events.out.tfevents.*"))) == 3  # training, test, and the settings
        assert len((run / "metrics.csv").read_text().splitlines()) == 4  # names, train, val, test
        assert (run / "checkpoints" / "last.ckpt").exists()


def test_two_processes_fill_an_empty_data_folder_at_once(tmp_path):
    (tmp_path / "data").mkdir()
    limits = ["trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1"]
    train_two(tmp_path, *SMALL, *limits, "data.root=data")
    assert len(list((tmp_path / "data" / "MNIST" / "raw").iterdir())) == 4
