"""A real sweep on a Ray of its own: jobs that fail, whose process is killed, that are interrupted, and go on."""

import json
import os
import re
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from queue import SimpleQueue

import pytest
from fork_server import Training

PICTURES = ["samples", "reconstructions", "interpolation", "traversals", "manifold", "code_scatter"]
SMALL = ["trainer.accelerator=cpu", "data.batch_size=100", "model.hidden_dims=[8]"]
SMALL += ["callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "logger=none"]
SMALL += [f"~callbacks.{name}" for name in PICTURES]
# thirds of a cpu: three jobs at once on a machine that has one; one retry: a second kill is one too many
RAY = ["hydra/launcher=ray", "hydra.launcher.address=local", "hydra.launcher.num_cpus=0.33"]
RAY += ["hydra.launcher.max_retries=1"]
LONG = 40  # epochs of milliseconds, so that a signal comes before the last


@pytest.fixture
def start(tmp_path):
    """start(arguments): a sweep in tmp_path, which does not survive the test."""
    processes = []

    def begin(*arguments):
        variables = {"OMP_NUM_THREADS": None}
        variables["RAY_worker_niceness"] = "0"  # else the jobs wait for whatever else this machine does
        processes.append(Training(tmp_path, "-m", *arguments, environment=variables))
        return processes[-1]

    yield begin
    for process in processes:
        process.process.kill()  # and Ray's own processes end with it


def summary(job):
    try:
        return json.loads((job / "summary.json").read_text())
    except FileNotFoundError:
        return {}


def trains(job, process, besides=None):
    """Wait until another process than `besides` has trained an epoch of the job → its pid."""
    while process.process.is_alive():
        found = summary(job)
        new = found.get("status") == "running" and found["pid"] != besides
        if new and "\nepoch " in (job / "console.log").read_text().rpartition("\nrun folder ")[2]:
            return found["pid"]
        time.sleep(0.02)
    pytest.fail(f"the sweep has ended before job {job.name} trained: {process.end()}")


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed")
def test_what_a_job_says_arrives_in_whole_lines_on_its_stream():
    from genlab.sweeps.ray_cluster import Said

    said = SimpleQueue()
    with redirect_stdout(Said(said, "stdout")), redirect_stderr(Said(said, "stderr")):
        print("half a ", end="", flush=True)
        print("line")
        print("error: job 4/5", file=sys.stderr)
        print("job 4/5: Größe\nlast", end="")
    arrived = [said.get() for _ in range(said.qsize())]
    assert arrived == [("stdout", "half a line\n"), ("stderr", "error: job 4/5\n"), ("stdout", "job 4/5: Größe\n")]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed")
def test_a_sweep_on_a_cluster_survives_failures_kills_and_an_interruption(tmp_path, mnist_root, start):
    root = os.path.relpath(mnist_root, tmp_path)  # relative to where the command is typed, wherever Ray works
    given = [*RAY, *SMALL, f"data.root={root}", f"trainer.max_epochs={LONG}"]
    process = start("model.latent_dim=2,0,3", *given)
    while not list(tmp_path.glob("outputs/sweeps/*/0/summary.json")) and process.process.is_alive():
        time.sleep(0.05)
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    os.kill(trains(sweep / "0", process), signal.SIGKILL)  # goes on
    first = trains(sweep / "2", process)
    os.kill(first, signal.SIGKILL)
    os.kill(trains(sweep / "2", process, besides=first), signal.SIGKILL)  # one too many
    code, out, err = process.end()
    assert code == 1, out + err

    rows = {line.split()[0]: line for line in out[out.index("\n\n") :].splitlines() if re.match(r"\s+[023] ", line)}
    assert [rows[name].split()[-1] for name in "23"] == ["finished", "killed"]
    assert "failed: ConfigError: model.latent_dim=0: should be greater than 0" in rows["0"]
    finished = summary(sweep / "0")
    assert (finished["epochs"], len(finished["resumed"])) == (LONG, 1)
    told = [line for line in out.splitlines() if line.startswith("job 1/3")]
    assert [re.sub("test/elbo.*", "", line).strip() for line in told] == [
        *2 * ["job 1/3 (model.latent_dim=2)"],
        "job 1/3 (model.latent_dim=2): finished",
    ]
    assert "epoch" not in out
    errors = [re.sub(r"; \S+$", "", line) for line in err.splitlines() if not line.startswith("to try again")]
    assert sorted(errors) == [
        "error: job 2/3 (model.latent_dim=0): model.latent_dim=0: should be greater than 0",
        "error: job 3/3: its process was lost (WorkerCrashedError), too often",
    ]
    assert "cpu (1 thread" in (sweep / "0" / "console.log").read_text()

    # what was killed goes on, and is interrupted
    before = summary(sweep / "2")["pid"]
    process = start("model.latent_dim=2,3", *given, f"sweep.resume={sweep.relative_to(tmp_path)}")
    trains(sweep / "2", process, besides=before)
    process.process.terminate()
    code, out, err = process.end()
    assert code == 128 + signal.SIGTERM, out + err
    assert "2 jobs: 1 finished already, 1 to go on)" in out
    assert summary(sweep / "2")["status"] == "interrupted"
