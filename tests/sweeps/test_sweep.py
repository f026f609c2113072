"""A sweep around its jobs: exit codes, the line to go on with, and folders that are another's."""

import csv
import io
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from genlab.errors import RunError
from genlab.runs.lock import locked
from genlab.runs.reading import Run
from genlab.sweeps.plan import Job, read_plan
from genlab.sweeps.request import SweepRequest
from genlab.sweeps.stop import Stop, is_stopping
from genlab.sweeps.sweep import run_sweep

JOBS = [Job("", "a", ["seed=0"], None, "x"), Job("", "b", ["seed=1"], None, "x")]


@pytest.fixture(autouse=True)
def typed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "-m", "seed=0,1"])


def asked(folder, resume=False, jobs=JOBS):
    return SweepRequest(folder, resume, "all", jobs, 0, len(jobs), 1)


def finish(folder, value=-99.0):
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    summary = {"status": "finished", "headline": "elbo", "metrics": {"test/elbo": value}, "seconds": 1.0}
    (folder / "summary.json").write_text(json.dumps(summary))


def test_the_plan_is_on_disk_before_the_first_job(tmp_path):
    seen = []
    run_sweep(asked(tmp_path / "s"), lambda: seen.extend(read_plan(tmp_path / "s").current()))
    assert [(job.folder, job.overrides) for job in seen] == [("0", ["seed=0"]), ("1", ["seed=1"])]


def test_all_finished_is_a_success_and_asks_for_nothing(tmp_path, capsys):
    def run():
        finish(tmp_path / "0", -100.0)
        finish(tmp_path / "1", -98.0)

    assert run_sweep(asked(tmp_path), run) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "-99.00 ± 1.41" in said.out
    assert [row["value"] for row in csv.DictReader((tmp_path / "sweep.csv").open())] == ["-100.0", "-98.0"]
    written = json.loads((tmp_path / "sweep.json").read_text())
    assert written["groups"][0]["metrics"]["test/elbo"]["mean"] == pytest.approx(-99.0)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted; to go on: "),
        (SystemExit(1), 130, "interrupted; to go on: "),  # Lightning's answer to Ctrl-C
        (SystemExit(143), 143, "interrupted; to go on: "),
        (RuntimeError("a worker died\nof something"), 1, "to try again: "),
    ],
)
def test_whatever_ends_it_early_what_has_finished_is_tabled(tmp_path, capsys, monkeypatch, error, code, words):
    monkeypatch.chdir(tmp_path)

    def run():
        finish(tmp_path / "s" / "0")
        (tmp_path / "s" / "1").mkdir()  # as Hydra makes it
        raise error

    assert run_sweep(asked(tmp_path / "s"), run) == code
    said = capsys.readouterr()
    assert "1 finished, 1 not started" in said.out
    assert said.err.splitlines()[-1] == f"{words}python train.py -m seed=0,1 sweep.resume=s"
    assert ("error: RuntimeError: a worker died\n" in said.err) == (code == 1)
    assert not (tmp_path / "s" / "1").exists()


def test_a_screen_that_takes_no_such_letters_loses_no_file(tmp_path, monkeypatch):
    def run():
        finish(tmp_path / "0", -100.0)
        finish(tmp_path / "1", -98.0)

    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    with suppress(UnicodeEncodeError):
        run_sweep(asked(tmp_path), run)
    assert [row["value"] for row in csv.DictReader((tmp_path / "sweep.csv").open())] == ["-100.0", "-98.0"]


def test_jobs_of_an_earlier_grid_are_tabled_but_do_not_count_for_the_exit_code(tmp_path, capsys):
    assert run_sweep(asked(tmp_path), lambda: finish(tmp_path / "0")) == 1
    assert run_sweep(asked(tmp_path, resume=True, jobs=JOBS[:1]), lambda: None) == 0
    assert "1 jobs: 1 finished already)" in capsys.readouterr().out
    assert [job.number for job in read_plan(tmp_path).jobs] == [0, None]


def test_a_folder_with_a_sweep_is_not_used_for_another(tmp_path):
    run_sweep(asked(tmp_path), lambda: None)
    with pytest.raises(RunError, match=r"has a sweep already; go on with sweep\.resume"):
        run_sweep(asked(tmp_path), lambda: None)


def test_two_commands_do_not_share_a_sweep(tmp_path):
    run_sweep(asked(tmp_path), lambda: None)
    with locked(tmp_path), pytest.raises(RunError, match="another process"):
        run_sweep(asked(tmp_path, resume=True), lambda: None)


def test_a_folder_that_is_not_there_cannot_be_resumed(tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        run_sweep(asked(tmp_path / "s", resume=True), lambda: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_no_other_job_begin_and_the_second_ends_at_once(tmp_path, number):
    before = signal.signal(number, signal.default_int_handler)
    try:
        with Stop(tmp_path) as stop:
            assert not is_stopping(tmp_path)
            os.kill(os.getpid(), number)
            assert is_stopping(tmp_path)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
                for _ in range(1_000_000):  # Python answers a signal between two of its own steps
                    pass
        assert stop.code == 128 + number
        assert not is_stopping(tmp_path)
    finally:
        signal.signal(number, before)


def test_a_checkpoint_that_was_thinned_is_said_to_be():
    run = Run(Path("s/0"), OmegaConf.create({}), {"thinned": True})
    with pytest.raises(RunError, match=r"sweep\.keep=best has removed it"):
        run.checkpoint()
