"""Which job goes to which folder, and what is not believed of a sweep.json."""

import json

import pytest

from genlab.errors import RunError
from genlab.sweeps.plan import Job, Plan, assign, read_plan, write_plan


def wanted(*marks):
    return [Job("", mark, [f"seed={mark}"], None, "repeated") for mark in marks]


def test_a_new_sweep_has_hydras_numbers():
    jobs = assign(wanted("a", "b", "c"), [])
    assert [(job.folder, job.fingerprint, job.number) for job in jobs] == [("0", "a", 0), ("1", "b", 1), ("2", "c", 2)]


def test_a_changed_grid_finds_its_folders_by_the_config_and_not_by_the_number():
    known = assign(wanted("a", "b", "c"), [])
    jobs = assign(wanted("x", "c", "y", "a"), known)
    assert {job.fingerprint: (job.folder, job.number) for job in jobs} == {
        "a": ("0", 3),
        "b": ("1", None),
        "c": ("2", 1),
        "x": ("3", 0),
        "y": ("4", 2),
    }
    assert [job.folder for job in jobs] == ["0", "1", "2", "3", "4"]
    assert [job.fingerprint for job in Plan(jobs, "all").current()] == ["x", "c", "y", "a"]
    again = assign(wanted("a", "b"), jobs)
    assert {job.fingerprint: job.folder for job in again if job.number is not None} == {"a": "0", "b": "1"}


def test_an_earlier_plan_with_one_job_twice_goes_on_in_the_first_folder():
    known = [Job("0", "a", ["seed=0"], 0), Job("1", "a", ["seed=0"], 1)]
    assert [(job.folder, job.number) for job in assign(wanted("a"), known)] == [("0", 0), ("1", None)]


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = Plan(assign(wanted("a", "b"), assign(wanted("c"), [])), "best")
    write_plan(tmp_path, plan, results=[{"value": None}])
    assert read_plan(tmp_path) == plan


def test_settings_are_what_was_typed():
    job = Job("0", "a", ["model=vae", "++trainer.precision=bf16-mixed", "~logger", "model.hidden_dims=[1,2]"], 0)
    assert job.settings == {
        "model": "vae",
        "trainer.precision": "bf16-mixed",
        "~logger": "",
        "model.hidden_dims": "[1,2]",
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda plan: plan["jobs"][0].update(folder="../precious"),
        lambda plan: plan["jobs"][0].update(folder="1"),
        lambda plan: plan["jobs"][0].update(folder=3),
        lambda plan: plan["jobs"][0].pop("fingerprint"),
        lambda plan: plan["jobs"][0].update(number=-1),
        lambda plan: plan.update(format=2),
        lambda plan: plan.update(jobs={}),
        lambda plan: plan.pop("keep"),
    ],
)
def test_a_damaged_plan_is_answered_in_one_line(tmp_path, damage):
    write_plan(tmp_path, Plan(assign(wanted("a", "b"), []), "all"))
    written = json.loads((tmp_path / "sweep.json").read_text())
    damage(written)
    (tmp_path / "sweep.json").write_text(json.dumps(written))
    with pytest.raises(RunError, match=r"sweep\.json: .*restore it from a copy"):
        read_plan(tmp_path)


def test_a_folder_without_a_plan_is_none_of_a_sweep(tmp_path):
    with pytest.raises(RunError, match=r"no folder of a sweep, it has no sweep\.json"):
        read_plan(tmp_path)
