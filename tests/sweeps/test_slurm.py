"""A sweep in a real SLURM: a job that is told that its time is over is requeued and goes on."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from processes import Training


def _nodes():
    if shutil.which("sinfo") is None:
        return ""
    states = ["sinfo", "--noheader", "--states=idle,mixed,allocated"]
    return subprocess.run(states, capture_output=True, text=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(not _nodes(), reason="no SLURM runs here")
def test_a_job_is_requeued_at_its_time_limit_and_a_failing_one_stops_no_other(tmp_path, mnist_root):
    pytest.importorskip("submitit", reason="needs the extra slurm")
    model = ["model.hidden_dims=[8]", "callbacks=search", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2"]
    given = [*model, "trainer.accelerator=cpu", "data.batch_size=100", f"data.root={mnist_root}"]
    asked = ["timeout_min=10", "cpus_per_task=1", "mem_gb=1", "array_parallelism=2"]
    launched = ["hydra/launcher=submitit_slurm", *(f"hydra.launcher.{setting}" for setting in asked)]
    command = Training(tmp_path, "-m", *launched, "model.latent_dim=2,0,3", "trainer.max_epochs=300", *given)
    announced = next(line for line in command.out if line.startswith("sweep folder"))
    sweep = tmp_path / announced.split()[2]
    console = sweep / "0" / "console.log"
    while not (console.exists() and "epoch   2/300" in console.read_text()):
        assert command.process.is_alive()
        time.sleep(0.02)
    before = json.loads((sweep / "0" / "summary.json").read_text())
    if before["host"] != socket.gethostname():
        pytest.skip("the job runs on another machine")
    # what SLURM itself sends, hydra.launcher.signal_delay_s before the limit
    os.kill(before["pid"], signal.SIGUSR2)
    code, out, err = command.end()

    assert code == 1, err
    found = {path.parent.name: json.loads(path.read_text()) for path in sweep.glob("*/summary.json")}
    assert {name: summary["status"] for name, summary in found.items()} == {
        "0": "finished",
        "1": "failed",
        "2": "finished",
    }
    assert [len(found[name].get("resumed", [])) for name in "02"] == [1, 0]
    rows = [line.split(",") for line in (sweep / "0" / "metrics.csv").read_text().splitlines()]
    steps = [row[rows[0].index("step")] for row in rows[1:] if row[rows[0].index("val/elbo")]]
    assert steps == [str(6 * epoch) for epoch in range(1, 301)]  # 550 images in batches of 100
    assert "writing last.ckpt" in console.read_text()
    assert re.search(r"cpu \(1 threads?\)", console.read_text())
    assert "2 finished, 1 failed" in out
