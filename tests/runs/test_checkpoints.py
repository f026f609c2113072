"""A checkpoint that cannot be written leaves the one before it whole."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genlab.errors import DiskError
from genlab.runs.checkpoints import AtomicCheckpointIO
from genlab.training import train

# A limit on the size of files fails like a full disk: in the middle of a write
FULL_DISK = """
import resource, sys, torch
from genlab.errors import DiskError
from genlab.runs.checkpoints import AtomicCheckpointIO
files, path = AtomicCheckpointIO(), sys.argv[1]
files.save_checkpoint({"epoch": 0}, path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    files.save_checkpoint({"epoch": 1, "weights": torch.zeros(1_000_000)}, path)
except DiskError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_the_checkpoint_before_is_whole(tmp_path):
    path = tmp_path / "last.ckpt"
    result = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True)
    expected = f"{path}: File too large; the checkpoint before it is whole. Make room, then resume the run\n"
    assert result.stdout == expected, result.stderr
    assert torch.load(path, weights_only=True) == {"epoch": 0}
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_run_on_a_disk_that_fills_fails_with_its_last_checkpoint_whole(compose_config, monkeypatch):
    cfg = compose_config("model.hidden_dims=[8]", "data.batch_size=100", "trainer.max_epochs=3")
    save = torch.save
    left = 2  # best and last of the first epoch

    def filling(*arguments):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments)

    monkeypatch.setattr(torch, "save", filling)
    with pytest.raises(DiskError, match=r"\.ckpt: No space left on device; the checkpoint before it is whole"):
        train(cfg)
    checkpoint = torch.load(Path(cfg.run_dir) / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 0
    summary = json.loads((Path(cfg.run_dir) / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert "No space left on device" in summary["error"]


def test_whoever_asks_a_checkpoint_is_read_without_code(tmp_path):
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "code.ckpt")
    with pytest.raises(Exception, match="it holds code, so it is not opened"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "code.ckpt", weights_only=False)
