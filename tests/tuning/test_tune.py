"""Searches in this process: what a trial may do, what is left, and that the best runs."""

import contextlib
import csv
import json
import re
import sqlite3
import sys

import optuna
import pytest
import yaml
from hydra import compose, initialize_config_dir
from PIL import Image

from genlab.cli import main as cli
from genlab.cli import tune as command
from genlab.cli.overrides import check
from genlab.errors import ConfigError
from genlab.runs.configuration import config_dir
from genlab.runs.listing import list_runs
from genlab.tuning.request import read_request
from genlab.tuning.results import write_best
from genlab.tuning.study import TRIES, claimed, count, fail_dead_trials, open_study, retry
from genlab.tuning.trial_config import TrialConfigs

SPACE = ("model.latent_dim", "model.learning_rate", "model.activation")  # of search_file
DIVERGING = {"model.learning_rate": {"type": "choice", "options": [0.001, 1e30]}}


def table(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_diverging_trials_fail_and_the_best_of_the_others_runs(genlab, search_file, tmp_path):
    path = search_file(space={**DIVERGING, "model.latent_dim": {"type": "integer", "low": 1, "high": 9}}, trials=4)
    code, out, err = genlab("tune", f"search={path}", "tune.folder=mine")
    assert (code, err) == (0, "")
    trials = table(tmp_path / "mine")
    assert [trial["trial"] for trial in trials] == ["0", "1", "2", "3"]
    failed = [trial for trial in trials if trial["state"] == "failed"]
    finished = [trial for trial in trials if trial["state"] == "finished"]
    assert {trial["model.learning_rate"] for trial in failed} == {"1e+30"}
    assert {trial["model.learning_rate"] for trial in finished} == {"0.001"}
    assert len(failed) + len(finished) == 4
    assert all("non-finite" in trial["error"] for trial in failed)
    assert f"4/4 done: {len(finished)} finished, 0 pruned, {len(failed)} failed   best val/elbo -" in out

    best = max(finished, key=lambda trial: float(trial["val/elbo"]))
    train = next(line for line in out.splitlines() if line.startswith("train it")).split()[2:]
    assert train == ["genlab", "train", "--config-dir", "mine/conf", "experiment=best"]
    code, _, err = genlab(*train[1:], "outputs=best", "callbacks=search", "callbacks.test_nll.images=2")
    assert (code, err) == (0, "")
    (run,) = (tmp_path / "best" / "vae").iterdir()
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert str(config["model"]["latent_dim"]) == best["model.latent_dim"]
    assert json.loads((run / "summary.json").read_text())["metrics"]["val/elbo"] == float(best["val/elbo"])

    statuses = {run.folder.name: run.status for run in list_runs(tmp_path / "mine")}
    assert statuses == {f"{int(trial['trial']):04d}": trial["state"] for trial in trials}
    for trial in failed:
        assert "Traceback" in (tmp_path / "mine" / "trials" / f"{int(trial['trial']):04d}" / "console.log").read_text()
    plots = {path.name: Image.open(path).size for path in (tmp_path / "mine" / "plots").iterdir()}
    assert set(plots) >= {"history.png", "slice.png"}
    assert ("no importance.png" in out) == ("importance.png" not in plots)


@pytest.mark.slow
def test_a_trial_that_is_worse_than_the_median_is_pruned(genlab, search_file, tmp_path):
    learning_rate = {"type": "choice", "options": [0.01, 1e-8]}
    settings = {"space": {"model.learning_rate": learning_rate}, "startup_trials": 1, "warmup_epochs": 1, "trials": 6}
    code, _, err = genlab("tune", f"search={search_file(**settings)}", "tune.folder=mine", "trainer.max_epochs=3")
    assert (code, err) == (0, "")
    trials = table(tmp_path / "mine")
    pruned = [trial for trial in trials if trial["state"] == "pruned"]
    assert pruned
    assert {trial["epochs"] for trial in pruned} == {"2"}  # after the one that is not judged
    assert {trial["epochs"] for trial in trials if trial["state"] == "finished"} == {"3"}
    runs = {int(run.folder.name): run for run in list_runs(tmp_path / "mine")}
    for trial in pruned:
        run = runs[int(trial["trial"])]
        assert (run.status, run.folder.joinpath("checkpoints", "last.ckpt").exists()) == ("interrupted", True)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["search.metric=val/elboo"], "search.metric=val/elboo: is not logged; did you mean val/elbo?"),
        (["search.metric=test/fid"], "search.metric=test/fid: is not logged; "),
    ],
)
def test_a_metric_that_no_run_logs_ends_the_search_after_one_trial(genlab, search_file, tmp_path, arguments, answer):
    few = {"model.latent_dim": {"type": "integer", "low": 1, "high": 9}}  # each bound is tried before
    code, _, err = genlab("tune", f"search={search_file(space=few)}", "tune.folder=mine", *arguments)
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith(f"error: {answer}")
    assert len(table(tmp_path / "mine")) == 1


@pytest.mark.parametrize(
    ("space", "more", "answer"),
    [
        (
            {"model.latent_dim": {"type": "integer", "low": 0, "high": 9}},
            [],
            "search.space: model.latent_dim=0: should be",
        ),
        (
            {"model.activation": {"type": "choice", "options": ["relu", "rlu"]}},
            [],
            "search.space: model.activation=rlu: should be",
        ),
        (DIVERGING, ["trainer.devices=2"], "trainer.devices=2: a trial has one; start a worker for each device"),
        (DIVERGING, ["data.root=absent"], "data.root=absent: no such folder"),
        (DIVERGING, ["tune.storage=nonsense"], "tune.storage: cannot be opened ("),
        (DIVERGING, ["tune.storage=sqlite:////dev/null/studies.db"], "/dev/null/studies.db: cannot be made, because"),
        (DIVERGING, ["tune.storage=sqlite:///no/studies.db"], "no/studies.db: cannot be made, because"),
        (DIVERGING, ["tune.folder=/dev/null/mine"], "/dev/null/mine/study.db: cannot be made, because /dev/null is no"),
        (DIVERGING, ["tune.storage=mysql://a@localhost/b"], "tune.storage: needs MySQLdb; pip install 'mysqlclient'"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_starts(genlab, search_file, tmp_path, space, more, answer):
    path = search_file(space=space)
    code, out, err = genlab("tune", f"search={path}", *more)
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1), err
    assert err.startswith(f"error: {answer}")
    assert not (tmp_path / "outputs").exists()


def test_a_search_of_other_settings_does_not_join(genlab, search_file, tmp_path):
    request = read_request([f"search={search_file()}", f"tune.folder={tmp_path / 'mine'}"])
    request.folder.mkdir()
    open_study(request)
    for more, differs in [("search.seed=1", "search.seed"), ("seed=1", "overrides")]:
        code, _, err = genlab("tune", f"search={search_file()}", "tune.folder=mine", more)
        assert code == 2
        assert f"mine: is a search with other settings ({differs}); " in err
    open_study(read_request([f"search={search_file(trials=9)}", f"tune.folder={tmp_path / 'mine'}", "data.root=/d"]))


def test_without_optuna_the_answer_is_how_to_install_it(genlab, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert genlab("tune", "search=vae_nll") == (2, "", "error: genlab tune needs Optuna; pip install 'genlab[tune]'\n")
    assert "tune" in cli.COMMANDS


@pytest.fixture
def study(search_file, tmp_path):
    request = read_request([f"search={search_file()}", f"tune.folder={tmp_path / 'mine'}"])
    request.folder.mkdir()
    return open_study(request), request


def test_a_trial_of_a_dead_worker_is_tried_again_with_its_settings_but_not_for_ever(study):
    study, request = study
    study.ask().suggest_int("model.latent_dim", 1, 9)
    settings = study.trials[0].params
    for attempt in range(1, TRIES):
        fail_dead_trials(study, request)
        assert [retry.retry_history(trial) for trial in study.trials] == [list(range(n)) for n in range(attempt + 1)]
        assert count(claimed(study))["queued"] == len(claimed(study)) == 1
        again = study.ask()
        assert again.suggest_int("model.latent_dim", 1, 9) == settings["model.latent_dim"]
    fail_dead_trials(study, request)
    assert len(study.trials) == TRIES
    assert count(claimed(study)) == {"finished": 0, "pruned": 0, "failed": 1, "running": 0, "queued": 0}


def test_a_burial_that_was_itself_cut_short_is_finished_by_the_next(study):
    study, request = study
    study.ask()
    retry(study, study.trials[0])
    fail_dead_trials(study, request)
    states = [trial.state for trial in study.trials]
    assert states == [optuna.trial.TrialState.FAIL, optuna.trial.TrialState.WAITING]


def test_in_a_database_a_worker_elsewhere_is_dead_when_its_heartbeat_is_old(search_file, tmp_path):
    database = tmp_path / "studies.db"
    given = [f"search={search_file()}", f"tune.folder={tmp_path / 'mine'}", f"tune.storage=sqlite:///{database}"]
    request = read_request(given)
    study = open_study(request)
    states = []

    def objective(trial):
        fail_dead_trials(study, request)
        states.append([trial.state.name for trial in study.trials])
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("update trial_heartbeats set heartbeat = datetime('now', '-1 hour')")
        fail_dead_trials(study, request)
        states.append([trial.state.name for trial in study.trials])

    with contextlib.suppress(AssertionError, ValueError):  # of Optuna: the trial has ended meanwhile
        study.optimize(objective, n_trials=1)
    assert states == [["RUNNING"], ["FAIL", "WAITING"]]


def test_a_trial_that_was_stopped_is_put_back_however_often(study):
    study, _ = study
    for _ in range(2 * TRIES):
        study.ask()
        retry(study, study.trials[-1])
        study.tell(study.trials[-2].number, state=optuna.trial.TrialState.FAIL)
    assert count(claimed(study))["queued"] == len(claimed(study)) == 1


EVIL = "{_target_: shutil.copyfile, src: tiny.yaml, dst: copied}"


@pytest.mark.parametrize(
    "changes",
    [
        {"overrides": ["+callbacks.evil._target_=evil.Callback"]},
        {"overrides": [f"+callbacks.evil={EVIL}"]},
        {"trial_overrides": [f"+callbacks.evil={EVIL}"]},
        {"overrides": ["+callbacks.evil=${oc.create:'" + EVIL + "'}"]},
        {"overrides": ["++trainer._target_=builtins.dict"]},
        {"overrides": ["model.beta={_target_: os.getcwd}"]},
        {"space": {"+callbacks.evil._target_": {"type": "choice", "options": ["os.getcwd"]}}},
        {"space": {f"+callbacks.evil={EVIL},x": {"type": "choice", "options": ["x"]}}},
        {"space": {"--config-dir": {"type": "choice", "options": ["conf"]}}},
        {"overrides": ["+hydra.searchpath=[pkg://evil]"]},
        {"overrides": ["+hydra/launcher=basic"]},
        {"overrides": ["model@hydra.launcher=vae"]},
    ],
)
@pytest.mark.parametrize("begins", [True, False])
def test_a_search_of_a_stranger_calls_nothing(genlab, search_file, tmp_path, monkeypatch, changes, begins):
    (tmp_path / "evil.py").write_text("open('copied', 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = search_file(**changes)
    if not begins:
        (tmp_path / "mine").mkdir()
        asked = {"search": yaml.safe_load(path.read_text()), "overrides": [], "storage": "sqlite"}
        (tmp_path / "mine" / "search.yaml").write_text(yaml.safe_dump(asked))
    code, out, err = genlab("tune", f"search={path}" if begins else "tune.folder=mine")
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert re.search("so it is not run|a search decides that|no such option|not of the form|should be made by", err), (
        err
    )
    assert not (tmp_path / "copied").exists()


def test_the_best_has_the_loggers_of_a_list(search_file, tmp_path):
    loggers = ["logger=[csv,mlflow]", "logger.mlflow.experiment=mine"]
    request = read_request([f"search={search_file()}", *loggers])
    values = {"model.latent_dim": "3", "model.learning_rate": "0.001", "model.activation": "tanh"}
    TrialConfigs(request, check).write_experiment(values, "the best", tmp_path / "conf")
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        best = compose("config", [f"hydra.searchpath=['file://{tmp_path / 'conf'}']", "experiment=best"])
    assert {name: node.get("experiment") for name, node in best.logger.items()} == {
        "metrics_file": None,
        "mlflow": "mine",
    }
    assert (best.model.latent_dim, best.callbacks.test_nll.images) == (3, 2)


def test_the_best_of_a_study_that_a_stranger_has_changed_is_not_written(study, tmp_path):
    study, request = study
    space = {name: optuna.distributions.CategoricalDistribution(["x,_target_: os.getcwd"]) for name in SPACE}
    params = dict.fromkeys(SPACE, "x,_target_: os.getcwd")
    study.add_trial(optuna.create_trial(value=1.0, params=params, distributions=space))
    with pytest.raises(ConfigError, match="trial 0: the study has no such values in its space"):
        write_best(study, request, TrialConfigs(request, check))
    assert not list(tmp_path.rglob("best.yaml"))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"search": 3, "overrides": [], "storage": "sqlite"}, "search=3: should be a valid dict"),
        ({"search": {}, "overrides": 3, "storage": "sqlite"}, "overrides=3: should be a valid list"),
        ({"search": {}, "overrides": [3], "storage": "sqlite"}, "overrides=3: should be a valid string"),
        ({"search": {}, "overrides": [], "storage": 3}, "storage=3: should be 'url' or 'sqlite'"),
        ({"search": {}, "overrides": []}, "storage: is missing"),
        ({"search": {}, "overrides": [], "storage": "sqlite", "more": 1}, "more: there is no such setting"),
    ],
)
def test_a_damaged_search_yaml_is_one_line(genlab, tmp_path, asked, answer):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "search.yaml").write_text(yaml.safe_dump(asked))
    code, out, err = genlab("tune", "tune.folder=mine")
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert f"mine/search.yaml: {answer}" in err


def test_a_database_that_is_none_is_told_before_torch_is_needed(genlab, search_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "genlab.tuning.worker", None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "study.db").write_bytes(b"no database" * 100)
    code, _, err = genlab("tune", f"search={search_file()}", "tune.folder=mine")
    assert (code, err.count("\n")) == (2, 1), err
    assert "mine/study.db: cannot be opened (file is not a database)" in err


MODEL = """
from genlab.models.vae import VAE


class Own(VAE):
    pass
"""


@pytest.mark.slow
def test_a_family_of_the_user_is_searched(genlab, search_file, tmp_path, monkeypatch):
    (tmp_path / "own_family.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "configs" / "model").mkdir(parents=True)
    (tmp_path / "configs" / "model" / "own.yaml").write_text("_target_: own_family.Own\nlatent_dim: 3\n")
    space = {"model.latent_dim": {"type": "integer", "low": 1, "high": 9}}
    path = search_file(space=space, trials=2)
    given = [f"search={path}", "tune.folder=mine", "model=own", "+model.hidden_dims=[4]"]
    code, _, err = genlab("tune", *given)
    assert (code, err.count("\n")) == (2, 1), err
    code, out, err = genlab("tune", "--config-dir", "configs", *given)
    assert (code, err) == (0, ""), err
    assert [trial["state"] for trial in table(tmp_path / "mine")] == ["finished", "finished"]
    train = next(line for line in out.splitlines() if line.startswith("train it")).split()[2:]
    code, _, err = genlab(*train[1:], "outputs=best", "trainer.max_epochs=1", "callbacks=search")
    assert (code, err) == (0, ""), err
    (run,) = (tmp_path / "best" / "own").iterdir()
    assert json.loads((run / "summary.json").read_text())["model"] == "Own"
