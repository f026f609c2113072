"""Jobs in submitit's hands, on this machine and in a real SLURM, and what is said of those that it loses."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from fork_server import Training

from genlab.sweeps.launchers import LAUNCHERS, launcher
from genlab.sweeps.queue import left_in_queue, patient, take_back

submitit = pytest.importorskip("submitit", reason="needs the extra slurm")


@pytest.fixture
def heard():
    """The signals that a queue's handler of SIGUSR2 is called with."""
    numbers = []
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
    signal.signal(signal.SIGUSR2, lambda number, frame: numbers.append(number))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_ended_by_the_queues_announcement_goes_back_into_it(heard):
    take_back(128 + signal.SIGUSR2)
    assert heard == [signal.SIGUSR2]


@pytest.mark.parametrize("code", [0, 1, None, "error", 128 + signal.SIGINT, 128 + signal.SIGTERM])
def test_what_ended_otherwise_does_not(heard, code):
    take_back(code)
    assert heard == []


def test_a_job_that_has_lost_its_process_stops_the_wait_for_no_other(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)
    lost = submitit.LocalJob(folder=tmp_path, job_id="12")
    with patient():
        (result,) = lost.results()
    assert result.return_value is None  # Hydra asks for it
    assert "error: job 12 of the queue has left no result; see " in capsys.readouterr().err
    with pytest.raises(submitit.core.utils.UncompletedJobError):  # as before
        lost.results()


def test_what_is_left_in_the_queue_has_no_result_yet(tmp_path):
    for job, files in {"7_0": ["submitted", "0_result"], "7_1": ["submitted"], "9": ["submitted"]}.items():
        folder = tmp_path / ".submitit" / job
        folder.mkdir(parents=True)
        for name in files:
            (folder / f"{job}_{name}.pkl").touch()
    assert left_in_queue(tmp_path) == ["7", "9"]


def test_launchers_are_known_by_their_class():
    assert launcher("hydra._internal.core_plugins.basic_launcher.BasicLauncher") is LAUNCHERS["basic"]
    unknown = launcher("hydra_plugins.other.OtherLauncher")
    assert (unknown.console, unknown.own_process, unknown.queue) == (False, False, False)


def slurm_answers():
    if shutil.which("sinfo") is None:
        return False
    nodes = ["sinfo", "--noheader", "--states=idle,mixed,allocated"]
    return bool(subprocess.run(nodes, capture_output=True, text=True).stdout.strip())


SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1"]


@pytest.mark.parametrize(
    "launched",
    [
        pytest.param(["hydra/launcher=submitit_local"], id="local"),
        pytest.param(SLURM, id="slurm", marks=pytest.mark.skipif(not slurm_answers(), reason="no SLURM runs here")),
    ],
)
def test_a_job_at_its_time_limit_goes_on_and_a_failing_one_stops_no_other(tmp_path, mnist_root, launched):
    model = ["model.hidden_dims=[8]", "callbacks=search", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2"]
    given = [*model, "trainer.accelerator=cpu", "data.batch_size=100", f"data.root={mnist_root}"]
    command = Training(tmp_path, "-m", *launched, "model.latent_dim=2,0", "trainer.max_epochs=100", *given)
    announced = next(line for line in command.out if line.startswith("sweep folder"))
    sweep = tmp_path / announced.split()[2]
    console = sweep / "0" / "console.log"
    while not (console.exists() and "epoch   2/100" in console.read_text()):
        assert command.process.is_alive()
        time.sleep(0.02)
    before = json.loads((sweep / "0" / "summary.json").read_text())
    if before["host"] != socket.gethostname():
        pytest.skip("the job runs on another machine")
    os.kill(before["pid"], signal.SIGUSR2)  # as SLURM does, hydra.launcher.signal_delay_s before the limit
    code, out, err = command.end()

    assert code == 1, err
    summary = json.loads((sweep / "0" / "summary.json").read_text())
    assert (summary["status"], summary["epochs"], len(summary["resumed"])) == ("finished", 100, 1)
    assert summary["pid"] != before["pid"]
    rows = [line.split(",") for line in (sweep / "0" / "metrics.csv").read_text().splitlines()]
    names, rows = rows[0], rows[1:]
    steps = [row[names.index("step")] for row in rows if row[names.index("val/elbo")]]
    assert steps == [str(6 * epoch) for epoch in range(1, 101)]  # 550 images in batches of 100
    said = console.read_text()
    assert "writing last.ckpt" in said
    assert said.count("epoch   2/100") == 1
    assert json.loads((sweep / "1" / "summary.json").read_text())["status"] == "failed"
    assert "model.latent_dim=0: should be greater than 0" in (sweep / "1" / "error.log").read_text()
    assert "1 finished, 1 failed" in out
    assert "sweep.resume=" in err.splitlines()[-1]
