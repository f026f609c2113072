"""A sweep of two on a real MLflow store and with W&B offline, one run of which is resumed; MLflow's page is opened."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import chromium, watched
from fork_server import Training

# which are not imported, in seconds, where these tests are not run
lacking = [name for name in ("mlflow", "wandb") if find_spec(name) is None]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(lacking), reason=f"needs {' and '.join(lacking)}")]

QUICK = [
    "data=digits",
    "model.hidden_dims=[16]",
    "model.latent_dim=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
]
QUICK += ["evaluate=true", "evaluation.samples=100", "evaluation.importance_samples=2", "evaluation.prior_samples=4"]
QUICK += ["callbacks.test_nll.images=4", "callbacks.test_nll.samples=2", "callbacks.ex_post_samples.components=0"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The sweep's folder, that in which its commands ran, and the store; job 0 was resumed for a second epoch."""
    from mlflow import MlflowClient

    place = tmp_path_factory.mktemp("elsewhere")
    sweep = place / "grid"
    command = ["-m", f"hydra.sweep.dir={sweep}", "logger=[tensorboard,mlflow,wandb],none", *QUICK]
    environment = {name: None for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))}
    environment["WANDB_MODE"] = "offline"
    told = []
    for arguments in (command, [f"resume={sweep / '0'}", "trainer.max_epochs=2"]):
        code, out, err = Training(place, *arguments, environment=environment).end()
        assert code == 0, out + err
        told.append(out)
    ids = json.loads((sweep / "0" / "loggers.json").read_text())
    store = f"sqlite:///{place / 'mlflow.db'}"
    return SimpleNamespace(place=place, sweep=sweep, told=told, store=store, client=MlflowClient(store), **ids)


def test_mlflow_has_one_run_below_that_of_its_sweep(trained):
    client = trained.client
    experiment = client.get_experiment_by_name("genlab")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"grid", "grid/0"}
    run = runs["grid/0"]
    assert (run.info.run_id, run.info.status) == (trained.mlflow, "FINISHED")
    assert run.data.tags["mlflow.parentRunId"] == runs["grid"].info.run_id
    assert run.data.tags["genlab.folder"] == str(trained.sweep / "0")
    assert run.data.params["model.latent_dim"] == "4"
    summary = json.loads((trained.sweep / "0" / "summary.json").read_text())
    for name in ("val/elbo", "test/elbo", "test/nll"):
        assert run.data.metrics[name] == pytest.approx(summary["metrics"][name])
    for name, score in json.loads((trained.sweep / "0" / "evaluation.json").read_text())["scores"].items():
        assert run.data.metrics[f"evaluation/{name}"] == pytest.approx(score["value"])


def test_a_resumed_run_goes_on_on_the_same_axis(trained):
    client = trained.client
    assert [metric.step for metric in client.get_metric_history(trained.mlflow, "val/elbo")] == [12, 24]
    pictures = [Path(file.path).name for file in client.list_artifacts(trained.mlflow, "images")]
    steps = {int(re.search(r"\d+", name)[0]) for name in pictures if name.startswith("samples")}
    assert steps == {0, 12, 24}


def test_wandb_has_one_run_of_two_parts_in_the_group_of_its_sweep(trained):
    parts = sorted((trained.place / "wandb").glob("offline-run-*"))
    assert len(parts) == 2 and all(part.name.endswith(trained.wandb) for part in parts)
    for part in parts:
        assert list(part.glob("files/media/images/samples_*.png"))
        written = (part / f"run-{trained.wandb}.wandb").read_bytes()
        for text in ("grid", "grid/0", str(trained.sweep / "0"), "trainer/global_step", "test/elbo", "evaluation/nll"):
            assert text.encode() in written, text
    assert f"wandb sync {' '.join(f'wandb/{part.name}' for part in parts)}\n" in trained.told[1]


def test_a_job_without_loggers_is_not_elsewhere(trained):
    assert not (trained.sweep / "1" / "loggers.json").exists()
    assert not list((trained.sweep / "1").glob("events.out*"))
    assert list((trained.sweep / "0").glob("events.out*"))


@pytest.mark.browser
def test_mlflows_page_shows_the_run(trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", trained.store, "--port", str(port)]
    command += ["--workers", "1"]
    alone = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # else eight processes wait for jobs
    with chromium() as browser, watched(browser) as (page, _, _):
        server = subprocess.Popen(command, cwd=trained.place, env=alone, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, server)
            experiment = trained.client.get_experiment_by_name("genlab").experiment_id
            page.goto(f"{address}/#/experiments/{experiment}/runs/{trained.mlflow}")
            page.get_by_text("test/elbo").first.wait_for(timeout=60_000)
            page.get_by_text("model.latent_dim").first.wait_for(timeout=60_000)
            page.screenshot(path=trained.place / "mlflow.png")
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def wait_for(address, server):
    """Until the server answers, or has ended."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:  # it does not listen yet
            time.sleep(0.1)
    raise AssertionError("mlflow ui has ended")
