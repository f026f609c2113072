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

from genlab.sweeps.job import take_back
from genlab.sweeps.placement import PLACEMENTS, placement

pytestmark = pytest.mark.slow  # real processes

submitit = pytest.importorskip("submitit", reason="needs the extra slurm")
from genlab.sweeps.queue import run_in_queue  # noqa: E402


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


def handed(tmp_path, monkeypatch, cluster, ended):
    """Hand two jobs over to a queue that runs none; those in `ended` have left a result."""
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)
    monkeypatch.setattr("genlab.sweeps.queue.subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 1))
    jobs = [submitit.LocalJob(folder=tmp_path, job_id=f"12_{number}") for number in (0, 1)]
    for number in ended:
        submitit.core.utils.cloudpickle_dump(("success", None), jobs[number].paths.result_pickle)

    class Executor:
        def __init__(self, **settings):
            pass

        def update_parameters(self, **settings):
            pass

        def map_array(self, job, numbers, overrides):
            assert (numbers, overrides) == ([4, 5], [["seed=4"], ["seed=5"]])
            return jobs

    monkeypatch.setattr(submitit, "AutoExecutor", Executor)
    run_in_queue(None, {4: ["seed=4"], 5: ["seed=5"]}, cluster, str(tmp_path), {"name": "genlab"})


def test_a_job_that_has_lost_its_process_stops_the_wait_for_no_other(tmp_path, monkeypatch, capsys):
    handed(tmp_path, monkeypatch, "local", ended=[1])
    said = capsys.readouterr().err
    assert "error: job 12_0 of the queue has left no result; see " in said
    assert said.count("error: ") == 1


def test_what_is_left_in_the_queue_is_named_with_what_takes_it_out(tmp_path, monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("genlab.sweeps.queue.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        handed(tmp_path, monkeypatch, "slurm", ended=[0])
    said = capsys.readouterr().err
    assert "SLURM keeps no accounts here (sacct)" in said
    assert "scancel 12 takes it out" in said


def test_launchers_are_known_by_their_class():
    assert placement("hydra._internal.core_plugins.basic_launcher.BasicLauncher") is PLACEMENTS["basic"]
    unknown = placement("hydra_plugins.other.OtherLauncher")
    assert (unknown.console, unknown.own_process, unknown.child) == (False, False, False)


def slurm_answers():
    if shutil.which("sinfo") is None:
        return False
    nodes = ["sinfo", "--noheader", "--states=idle,mixed,allocated"]
    return bool(subprocess.run(nodes, capture_output=True, text=True).stdout.strip())


LONG = 40  # epochs of milliseconds, so that a signal comes before the last
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
    command = Training(tmp_path, "-m", *launched, "model.latent_dim=2,0", f"trainer.max_epochs={LONG}", *given)
    announced = next(line for line in command.out if line.startswith("sweep folder"))
    sweep = tmp_path / announced.split()[2]
    console = sweep / "0" / "console.log"
    while not (console.exists() and f"epoch  2/{LONG}" in console.read_text()):
        assert command.process.is_alive()
        time.sleep(0.02)
    before = json.loads((sweep / "0" / "summary.json").read_text())
    if before["host"] != socket.gethostname():
        pytest.skip("the job runs on another machine")
    os.kill(before["pid"], signal.SIGUSR2)  # as SLURM does, hydra.launcher.signal_delay_s before the limit
    code, out, err = command.end()

    assert code == 1, err
    summary = json.loads((sweep / "0" / "summary.json").read_text())
    assert (summary["status"], summary["epochs"], len(summary["resumed"])) == ("finished", LONG, 1)
    assert summary["pid"] != before["pid"]
    rows = [line.split(",") for line in (sweep / "0" / "metrics.csv").read_text().splitlines()]
    names, rows = rows[0], rows[1:]
    steps = [row[names.index("step")] for row in rows if row[names.index("val/elbo")]]
    assert steps == [str(6 * epoch) for epoch in range(1, LONG + 1)]  # 550 images in batches of 100
    said = console.read_text()
    assert "writing last.ckpt" in said
    assert said.count(f"epoch  2/{LONG}") == 1
    assert json.loads((sweep / "1" / "summary.json").read_text())["status"] == "failed"
    assert "model.latent_dim=0: should be greater than 0" in (sweep / "1" / "error.log").read_text()
    assert "1 finished, 1 failed" in out
    assert "sweep.resume=" in err.splitlines()[-1]
