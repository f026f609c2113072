"""Real multiruns: what is left on disk and on the console when jobs fail, are interrupted, and are killed."""

import csv
import json
import os
import re
import shlex
import signal
import time
from threading import Thread

import pytest
from fork_server import Training
from tensorboard import context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, get_experiment, list_session_groups, metadata
from tensorboard.plugins.hparams.backend_context import Context

pytestmark = pytest.mark.slow  # real processes

PICTURES = ["samples", "reconstructions", "interpolation", "traversals", "manifold", "code_scatter"]
SMALL = [
    "trainer.accelerator=cpu",
    "data.batch_size=100",
    "callbacks.test_nll.images=2",
    "callbacks.test_nll.samples=2",
]
SMALL += [f"~callbacks.{name}" for name in PICTURES]
EPOCHS = 12  # short ones, but enough of them that a signal after the first comes before the last


def start(folder, *arguments):
    """A sweep whose jobs have processes of their own, without a limit to the threads: it divides the cores itself."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"))
    return Training(folder, *arguments, environment=limits, daemon=False)


def stop(folder, *arguments, job, number):
    """Send a signal when the job has trained an epoch; what the process said, and its code."""
    sweep = Training(folder, *arguments)
    said, running = "", ""
    for line in sweep.out:
        said += line
        running = line if line.startswith("job ") else running
        if running.startswith(f"job {job} ") and line.startswith("epoch "):
            os.kill(sweep.process.pid, number)
            break
    code, out, err = sweep.end()
    return code, said + out, err


def summaries(sweep):
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(sweep.glob("*/summary.json"))}


def statuses(sweep):
    return {name: summary["status"] for name, summary in summaries(sweep).items()}


def table(out):
    """The rows of the table by their first cell; columns are two spaces or more apart."""
    lines = out[out.index("\n\n") :].partition("sweep folder")[0].strip().splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines if not line.startswith("best ")]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def hparams_tab(sweep):
    """Columns of settings, columns of results, and for each run its values, as TensorBoard's plugin makes them."""
    events = EventMultiplexer().AddRunsFromDirectory(str(sweep))
    events.Reload()
    provider = MultiplexerDataProvider(events, str(sweep))
    backend, request = Context(TBContext(logdir=str(sweep), data_provider=provider)), context.RequestContext()
    naming = [run for run, tags in backend.hparams_metadata(request, "").items() if metadata.EXPERIMENT_TAG in tags]
    assert naming == ["."]  # of several, TensorBoard takes the columns from any
    columns = get_experiment.Handler(request, backend, "", api_pb2.GetExperimentRequest()).run()
    names, tags = [info.name for info in columns.hparam_infos], [info.name.tag for info in columns.metric_infos]
    statuses = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_RUNNING, api_pb2.STATUS_FAILURE]
    parameters = [api_pb2.ColParams(hparam=name) for name in names]
    asked = api_pb2.ListSessionGroupsRequest(slice_size=100, allowed_statuses=statuses, col_params=parameters)
    groups = list_session_groups.Handler(request, backend, "", asked).run().session_groups
    rows = {
        group.name: (
            {name: group.hparams[name].string_value or group.hparams[name].number_value for name in names},
            {value.name.tag: value.value for value in group.metric_values},
        )
        for group in groups
    }
    return set(names), set(tags), rows


def test_models_with_different_headlines_are_tabled_side_by_side(tmp_path, mnist_root):
    models = ["model=vae,autoencoder", "model.latent_dim=2", "model.hidden_dims=[8]", "seed=0,1"]
    settings = ["trainer.max_epochs=1", "callbacks.ex_post_samples.components=0", f"data.root={mnist_root}"]
    code, out, err = Training(tmp_path, "-m", *models, *SMALL, *settings).end()
    assert (code, err) == (0, "")
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    found = summaries(sweep)
    assert [summary["status"] for summary in found.values()] == ["finished"] * 4
    tags = ["test/elbo", "test/elbo", "test/reconstruction_error", "test/reconstruction_error"]
    values = [summary["metrics"][tag] for summary, tag in zip(found.values(), tags, strict=True)]
    assert len(set(values)) == 4

    names, rows = table(out)
    assert names == ["model", "runs", "test/elbo", "test/reconstruction_error", "seconds", "status"]
    for model, (one, other) in {"vae": values[:2], "autoencoder": values[2:]}.items():
        mean, std = (one + other) / 2, abs(one - other) / 2**0.5
        assert rows[model][:2] == ["2", f"{mean:.2f} ± {std:.2f}"]
        assert rows[model][-1] == "finished"
    written = list(csv.DictReader((sweep / "sweep.csv").read_text().splitlines()))
    assert [(row["model"], row["seed"]) for row in written] == [
        *(("vae", "0"), ("vae", "1"), ("autoencoder", "0"), ("autoencoder", "1")),
    ]
    assert [(row["headline"], float(row["value"])) for row in written] == list(zip(tags, values, strict=True))
    assert out.rstrip().endswith(f"tensorboard --logdir {sweep.relative_to(tmp_path)} --samples_per_plugin images=200")

    settings, results, runs = hparams_tab(sweep)
    assert settings == {"seed", "model"}
    assert results == {"test/elbo", "test/reconstruction_error"}
    assert {name: values for name, (values, _) in runs.items()} == {
        "0": {"seed": 0.0, "model": "VAE"},
        "1": {"seed": 1.0, "model": "VAE"},
        "2": {"seed": 0.0, "model": "Autoencoder"},
        "3": {"seed": 1.0, "model": "Autoencoder"},
    }
    for name, tag, value in zip("0123", tags, values, strict=True):
        assert runs[name][1] == {tag: pytest.approx(value, rel=1e-6)}


def test_a_sweep_goes_on_after_a_failure_an_interruption_and_a_kill(tmp_path, mnist_root):
    given = ["model.hidden_dims=[8]", *SMALL, f"data.root={mnist_root}", f"trainer.max_epochs={EPOCHS}"]

    # job 1 fails, job 2 is interrupted, job 3 has not started
    typed = ["-m", "model.latent_dim=0,2,3", *given]
    code, out, err = stop(tmp_path, *typed, job="2/3", number=signal.SIGINT)
    assert code == 130
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert statuses(sweep) == {"0": "failed", "1": "interrupted"}
    assert table(out)[1]["0"][-1] == "failed: ConfigError: model.latent_dim=0: should be greater than 0"
    assert [table(out)[1][latent_dim][-1] for latent_dim in "23"] == ["interrupted", "not started"]
    assert not (sweep / "2").exists()
    assert "Traceback" in (sweep / "0" / "error.log").read_text()
    why = r"model\.latent_dim=0: should be greater than 0"
    assert re.search(rf"^error: job 1/3 \(model\.latent_dim=0\): {why}; \S+/0/error\.log$", err, re.M)
    line = err.strip().splitlines()[-1]
    assert line.startswith("interrupted; to go on: python train.py -m ")

    # what it says to go on with: job 1 fails again, job 2 ends, job 3 is killed
    again = shlex.split(line.partition("to go on: ")[2])
    assert again[:2] == ["python", "train.py"]
    code, out, _ = stop(tmp_path, *again[2:], job="3/3", number=signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert "3 jobs: 1 to try again, 1 to go on, 1 new)" in out
    found = summaries(sweep)
    assert statuses(sweep) == {"0": "failed", "1": "finished", "2": "running"}
    assert len(found["1"]["resumed"]) == 1

    # another grid: what has finished is skipped, wherever it comes
    done = (sweep / "1" / "summary.json").read_bytes()
    grid = ["model.latent_dim=5,3,2", f"sweep.resume={sweep.relative_to(tmp_path)}"]
    code, out, err = Training(tmp_path, "-m", *grid, *given).end()
    assert (code, err) == (0, "")
    assert "3 jobs: 1 new, 1 to go on, 1 finished already)" in out
    assert re.findall(r"^job .*$", out, re.M) == ["job 1/3 (model.latent_dim=5)", "job 2/3 (model.latent_dim=3)"]
    assert (sweep / "1" / "summary.json").read_bytes() == done
    found = summaries(sweep)
    assert len(found["2"]["resumed"]) == 1
    assert [(found[name]["status"], found[name]["epochs"]) for name in "123"] == [("finished", EPOCHS)] * 3
    rows = csv.DictReader((sweep / "2" / "metrics.csv").read_text().splitlines())
    steps = [row["step"] for row in rows if row["val/elbo"]]
    assert steps == [str(6 * epoch) for epoch in range(1, EPOCHS + 1)]  # 550 images in batches of 100
    assert {name: row[-1].partition(":")[0] for name, row in table(out)[1].items() if name.isdigit()} == {
        "0": "failed",
        "2": "finished",
        "3": "finished",
        "5": "finished",
    }


def test_a_file_may_be_a_sweep_of_its_own(tmp_path, mnist_root):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    sweep = {"mode": "MULTIRUN", "sweeper": {"params": {"seed": "0,1", "model.latent_dim": "choice(2,3)"}}}
    text = f"# @package _global_\n{json.dumps({'hydra': sweep})}\n"
    (tmp_path / "mine" / "experiment" / "four.yaml").write_text(text)
    given = ["model.hidden_dims=[8]", *SMALL, f"data.root={mnist_root}", "trainer.max_epochs=1", "logger=none"]
    code, _out, err = Training(tmp_path, "--config-dir=mine", "experiment=four", "seed=5", *given).end()
    assert (code, err) == (0, "")
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    written = json.loads((sweep / "sweep.json").read_text())
    assert [job["overrides"][:2] for job in written["jobs"]] == [
        ["seed=5", "model.latent_dim=2"],
        ["seed=5", "model.latent_dim=3"],
    ]
    assert statuses(sweep) == {"0": "finished", "1": "finished"}


def test_jobs_at_the_same_time_share_the_cores_and_a_failing_one_stops_no_other(tmp_path, mnist_root):
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    given = ["model.hidden_dims=[8]", *SMALL, f"data.root={mnist_root}", "trainer.max_epochs=1", "sweep.keep=best"]
    code, out, _ = start(tmp_path, "-m", *launcher, "model.latent_dim=2,0,3", *given).end()
    assert code == 1
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    found = summaries(sweep)
    assert [summary["status"] for summary in found.values()] == ["finished", "failed", "finished"]
    threads = max(1, joblib.cpu_count() // 2)
    for name in "02":
        said = (sweep / name / "console.log").read_text()
        assert re.search(rf"cpu \({threads} threads?\)", said)
        assert "epoch 1/1 " in said
    assert "epoch 1/1 " not in out
    assert [row[-1].partition(":")[0] for row in table(out)[1].values()][:3] == ["finished", "failed", "finished"]
    best = max("02", key=lambda name: found[name]["best"]["value"])
    assert [(sweep / name / "checkpoints").exists() for name in "02"] == [name == best for name in "02"]


def test_workers_end_when_their_command_is_killed(tmp_path, mnist_root):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    given = ["model.hidden_dims=[8]", *SMALL, f"data.root={mnist_root}", "trainer.max_epochs=100000"]
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    sweep = start(tmp_path, "-m", *launcher, "seed=0,1,2,3", *given)
    while len(list(tmp_path.glob("outputs/sweeps/*/*/checkpoints/last.ckpt"))) < 2:
        assert sweep.process.is_alive(), sweep.end()
        time.sleep(0.05)
    sweep.process.kill()
    reader = Thread(target=sweep.end, daemon=True)
    reader.start()
    reader.join(timeout=120)
    assert not reader.is_alive()  # it ends when nobody has the pipes any more
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert statuses(sweep) == {"0": "interrupted", "1": "interrupted"}
