"""Real processes: two workers share a study, and a search goes on after SIGKILL."""

import shlex
import sqlite3
import subprocess
import sys

import optuna
import pytest
from fork_server import GENLAB, TRAIN, Training

from genlab.runs.listing import list_runs
from genlab.tuning.study import retry

STATE = optuna.trial.TrialState


def trials_of(folder):
    return optuna.load_study(study_name=folder.name, storage=f"sqlite:///{folder / 'study.db'}").trials


@pytest.mark.slow
def test_two_workers_share_a_study_without_lost_or_doubled_trials(search_file, tmp_path):
    command = ["tune", f"search={search_file(trials=4)}", "tune.folder=mine"]
    pair = [Training(tmp_path, *command, program=GENLAB) for _ in range(2)]
    ends = [worker.end() for worker in pair]
    assert [(code, errors) for code, _, errors in ends] == [(0, ""), (0, "")], ends

    trials = trials_of(tmp_path / "mine")
    assert [(trial.number, trial.state) for trial in trials] == [(number, STATE.COMPLETE) for number in range(4)]
    assert len({str(trial.params) for trial in trials}) == 4
    lines = [[line for line in out.splitlines() if line.startswith("trial ") and "=" in line] for _, out, _ in ends]
    assert all(lines)
    assert sorted(int(line.split()[1]) for some in lines for line in some) == list(range(4))
    assert sorted(run.folder.name for run in list_runs(tmp_path / "mine")) == [f"{number:04d}" for number in range(4)]
    assert not list((tmp_path / "mine" / "workers").iterdir())
    with sqlite3.connect(tmp_path / "mine" / "study.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_a_killed_search_goes_on_with_its_folder_alone(search_file, tmp_path):
    more = ["trainer.max_epochs=4", "search.prune=false"]
    worker = Training(tmp_path, "tune", f"search={search_file(trials=3)}", "tune.folder=mine", *more, program=GENLAB)
    assert any(line.startswith("trial 1 ") for line in worker.out)
    worker.process.kill()
    worker.end()
    killed = trials_of(tmp_path / "mine")[1]
    assert killed.state is STATE.RUNNING

    code, out, errors = Training(tmp_path, "tune", "tune.folder=mine", program=GENLAB).end()
    assert (code, errors) == (0, ""), errors
    trials = trials_of(tmp_path / "mine")
    assert [trial.state for trial in trials] == [STATE.COMPLETE, STATE.FAIL, STATE.COMPLETE, STATE.COMPLETE]
    assert [retry.retry_history(trial) for trial in trials] == [[], [], [1], []]
    assert trials[2].params == killed.params
    assert "3/3 done: 3 finished, 0 pruned, 0 failed" in out
    statuses = {run.folder.name: run.status for run in list_runs(tmp_path / "mine")}
    assert {name: status for name, status in statuses.items() if name != "0001"} == dict.fromkeys(
        ["0000", "0002", "0003"], "finished"
    )
    assert Training(tmp_path, "tune", "tune.folder=mine", program=GENLAB).end()[0] == 0  # nothing is left to do
    assert len(trials_of(tmp_path / "mine")) == 4


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_puts_its_trial_back(search_file, tmp_path):
    more = ["trainer.max_epochs=100000"]
    worker = Training(tmp_path, "tune", f"search={search_file(trials=3)}", "tune.folder=mine", *more, program=GENLAB)
    assert any(line.startswith("trial 0 ") for line in worker.out)
    worker.process.terminate()
    code, _, errors = worker.end()
    assert (code, "interrupted; to go on: genlab tune tune.folder=mine\n" in errors) == (143, True), errors
    assert [trial.state for trial in trials_of(tmp_path / "mine")] == [STATE.FAIL, STATE.WAITING]


@pytest.mark.slow
@pytest.mark.parametrize("program", [[GENLAB, "tune", "tune.folder=mine"], [TRAIN]])
def test_too_little_memory_for_torch_is_one_line(search_file, tmp_path, mnist_root, program):
    given = [f"search={search_file()}"] if "tune" in program else [f"data.root={mnist_root}"]
    command = shlex.join(map(str, [sys.executable, *program, *given]))
    limited = ["bash", "-c", f"ulimit -v 1500000; exec {command}"]
    end = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True)
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (1, "", 1), end.stderr
    assert end.stderr.startswith("error: ") and "too little memory; allow more (see ulimit -v)" in end.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"tiny.yaml"}
