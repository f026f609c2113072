"""A run begins in a folder of its own: what is there already is neither overwritten nor mixed with it."""

import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import stand_in_config
from filelock import FileLock
from fork_server import Training

from genlab.errors import RunError
from genlab.runs.lock import check_new, locked, new_folder
from genlab.training.train import train

SMALL = ["callbacks=search", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "model.hidden_dims=[4]"]
SMALL += ["data.batch_size=300", "trainer.max_epochs=1", "trainer.accelerator=cpu"]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_a_folder_with_a_run_is_refused_and_left_as_it_is(mnist_root, tmp_path):
    cfg = stand_in_config(mnist_root, tmp_path, *SMALL)
    train(cfg)
    before = contents(tmp_path)
    answer = r"run: has a run already; genlab resume .*run goes on with that one, hydra\.run\.dir=FOLDER names another"
    with pytest.raises(RunError, match=answer):
        train(stand_in_config(mnist_root, tmp_path, *SMALL, "seed=1"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["checkpoints/best.ckpt", "metrics.csv", "notes.txt", "config.yaml"])
def test_a_folder_with_files_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(RunError, match=rf"has {name.partition('/')[0]} in it.*hydra\.run\.dir=FOLDER"):
        check_new(tmp_path)


def test_so_is_a_folder_in_a_run_and_one_of_a_sweep(tmp_path):
    (tmp_path / "config.yaml").touch()
    (tmp_path / "summary.json").touch()
    with pytest.raises(RunError, match="lies in the run"):
        check_new(tmp_path / "images" / "new")
    (tmp_path / "sweep.json").touch()
    with pytest.raises(RunError, match=r"has a sweep already; go on with sweep\.resume="):
        check_new(tmp_path, "hydra.sweep.dir")


def test_what_a_sweep_keeps_of_a_job_that_has_not_begun_is_no_run(tmp_path):
    for name in ("console.log", "error.log", ".lock"):
        (tmp_path / name).touch()
    check_new(tmp_path)


def test_the_command_that_is_told_can_be_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / "config.yaml").touch()
    (folder / "summary.json").touch()
    with pytest.raises(RunError) as error:
        check_new(folder)
    assert f"genlab resume {shlex.quote('my run')} goes on" in str(error.value)


def test_what_another_process_has_done_meanwhile_is_seen(tmp_path, monkeypatch):
    """It has the lock until this one has looked at the folder, and lets go when it has finished."""
    run = tmp_path / "run"

    def acquired_after_another(folder):
        monkeypatch.undo()
        (folder / "checkpoints").mkdir(parents=True)
        return locked(folder)

    monkeypatch.setattr("genlab.runs.lock.locked", acquired_after_another)
    with pytest.raises(RunError, match="has checkpoints in it"), new_folder(run):
        raise AssertionError("begun")


def test_a_run_that_begins_while_the_folder_is_looked_at_is_told_from_files_of_others(tmp_path, monkeypatch):
    with ThreadPoolExecutor(1) as elsewhere:
        other = FileLock(tmp_path / ".lock")

        def begins(folder, key):
            elsewhere.submit(other.acquire).result()
            (folder / "summary.json").write_text("{}")
            check_new(folder, key)

        monkeypatch.setattr("genlab.runs.lock.check_new", begins)
        with pytest.raises(RunError, match="another process is training"), new_folder(tmp_path):
            pytest.fail("it has the folder")


@pytest.mark.slow
def test_of_two_processes_that_start_in_one_folder_at_once_one_trains(mnist_root, tmp_path):
    typed = [*SMALL, f"data.root={mnist_root}", "hydra.run.dir=mine"]
    ends = [training.end() for training in [Training(tmp_path, *typed, f"seed={seed}") for seed in (0, 1)]]
    refused, trained = sorted(ends, key=lambda end: end[0] == 0)
    assert (refused[0], trained[0]) == (1, 0), ends
    assert "has a run already" in refused[2] or "another process is training" in refused[2]
    assert refused[2].count("\n") == 1


@pytest.mark.slow
def test_a_sweep_begins_in_no_run(mnist_root, tmp_path):
    typed = [*SMALL, f"data.root={mnist_root}"]
    assert Training(tmp_path, *typed, "hydra.run.dir=mine").end()[0] == 0
    before = contents(tmp_path)
    code, _, err = Training(tmp_path, "-m", *typed, "seed=1,2", "hydra.sweep.dir=mine").end()
    assert (code, err.count("\n")) == (1, 1)
    assert "hydra.sweep.dir=FOLDER names another folder" in err
    assert contents(tmp_path) == before
