"""A command line → its jobs, and the sweeps that are refused before they start."""

from pathlib import Path

import pytest

from genlab.cli.overrides import check, searchpath
from genlab.errors import ConfigError
from genlab.runs.configuration import quoted
from genlab.sweeps.cores import jobs_at_once, threads_each
from genlab.sweeps.grid import grid


def planned(*arguments):
    return grid(check(["-m", *arguments]), searchpath())


def test_jobs_come_in_hydras_order_each_with_a_mark_of_its_own():
    found = planned("model=vae,gan", "seed=range(2)", "debug=fast", "outputs=/o")
    assert [overrides for overrides, _ in found.jobs] == [
        [f"model={model}", f"seed={seed}", "debug=fast", "outputs=/o"] for model in ("vae", "gan") for seed in (0, 1)
    ]
    assert len({mark for _, mark in found.jobs}) == 4
    assert found.folder.parent == Path("/o/sweeps")
    assert (found.resume, found.keep, found.at_once) == (False, "all", 1)


def test_a_job_is_the_same_however_it_was_asked_for():
    explicit = planned("model.latent_dim=20", "seed=1", "sweep.keep=best", "data.num_workers=2")
    assert explicit.jobs[0][1] == planned("model=vae", "seed=0,1").jobs[1][1]
    assert explicit.jobs[0][0] == ["model.latent_dim=20", "seed=1", "data.num_workers=2"]


def test_what_is_resumed_is_where_the_sweep_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = planned("seed=0,1", "sweep.resume=my-sweep")
    assert (found.folder, found.resume) == (tmp_path / "my-sweep", True)


@pytest.mark.parametrize("name", ["plain", "it's", "a b", "a\\b", "a\\'b", "x=1,2"])
def test_a_folder_survives_hydras_grammar(name):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(f"hydra.sweep.dir={quoted(str(Path('/o') / name))}")
    assert override.value() == f"/o/{name}"


def test_options_of_a_folder_of_the_users_own_may_be_swept(tmp_path):
    (tmp_path / "experiment").mkdir()
    for latent_dim in (3, 5):
        text = f"# @package _global_\nmodel:\n  latent_dim: {latent_dim}\n"
        (tmp_path / "experiment" / f"mine_{latent_dim}.yaml").write_text(text)
    found = planned("experiment=mine_3,mine_5", "seed=0,1", f"--config-dir={tmp_path}")
    explicit = planned("model.latent_dim=3,5", "seed=0,1")
    assert [mark for _, mark in found.jobs] == [mark for _, mark in explicit.jobs]


def test_one_run_is_no_sweep():
    assert grid(check(["model=vae", "seed=0"])) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seed=0,1", "trainer.devices=2"], ["trainer.devices=2", "use trainer.devices=1"]),
        (["seed=0,1", "trainer.devices=[0,1]"], ["trainer.devices=[0, 1]", "without -m"]),
        (["seed=0,1", "trainer=ddp"], ["trainer.devices=auto", "one device"]),
        (["trainer.devices=1,2"], ["trainer.devices=2"]),
        (["seed=0,1", "trainer.num_nodes=2"], ["trainer.num_nodes=2"]),
        (["seed=0,1", "sweep.keep=some"], ["sweep.keep=some", "all, best"]),
        (["seed=0,1", "sweep.keep=all,best"], ["one value"]),
        (["seed=0,1", "sweep.resume="], ["sweep.resume=: should be the folder"]),
        (["seed=0,1", "hydra.sweep.subdir=x"], ["hydra.sweep.subdir=x"]),
        (["seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"], ["n_jobs=0"]),
        (["seed=0,1", "--cfg", "job"], ["leave -m"]),
        (["seed=0,1", "outputs=${nothing}"], ["nothing"]),
    ],
)
def test_what_cannot_be_a_sweep_is_refused_in_one_line(arguments, words):
    with pytest.raises(ConfigError) as error:
        planned(*arguments)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("devices", ["[0]", "'1'"])
def test_one_device_however_it_is_written_may_be_swept(devices):
    assert len(planned("seed=0,1", "trainer=ddp", f"trainer.devices={devices}").jobs) == 2


def test_a_setting_of_sweeps_without_a_sweep_is_refused():
    with pytest.raises(ConfigError, match=r"sweep\.keep=best: of a sweep; add -m"):
        grid(check(["sweep.keep=best"]))


@pytest.mark.parametrize(("n_jobs", "expected"), [(-1, 6), (-2, 5), (3, 3), (-9, 1)])
def test_as_many_jobs_at_once_as_joblib_starts(monkeypatch, n_jobs, expected):
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    assert jobs_at_once(n_jobs) == expected


def test_joblib_takes_all_cores_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    assert planned("hydra/launcher=joblib", "seed=0,1,2").at_once == 2


@pytest.mark.parametrize(("cores", "jobs", "threads"), [(8, 3, 2), (8, 8, 1), (2, 4, 1), (8, 2, 4)])
def test_the_jobs_share_the_cores(monkeypatch, cores, jobs, threads):
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    assert threads_each(jobs) == threads


def test_where_slurm_is_not_installed_nothing_is_begun(monkeypatch):
    pytest.importorskip("submitit", reason="needs the extra slurm")
    monkeypatch.setattr("genlab.sweeps.grid.shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match=r"hydra/launcher=submitit_slurm: no sbatch here"):
        planned("hydra/launcher=submitit_slurm", "seed=0,1")


def test_all_jobs_of_submitits_local_executor_run_at_once():
    pytest.importorskip("submitit", reason="needs the extra slurm")
    assert planned("hydra/launcher=submitit_local", "seed=0,1,2").at_once == 3


@pytest.mark.parametrize(("launcher", "extra"), [("joblib", "parallel"), ("ray", "ray")])
def test_an_extra_that_is_missing_is_named(monkeypatch, launcher, extra):
    monkeypatch.setattr("genlab.cli.overrides.find_spec", lambda module: None)
    with pytest.raises(ConfigError, match=rf"hydra/launcher={launcher}: .*pip install 'genlab\[{extra}\]'"):
        planned(f"hydra/launcher={launcher}", "seed=0,1")


@pytest.mark.parametrize("need", ["num_cpus=x", "num_cpus=0", "num_gpus=-1", "max_retries=0.5"])
def test_what_no_cluster_can_give_is_refused_before_the_sweep_begins(monkeypatch, need):
    monkeypatch.setattr("genlab.cli.overrides._is_installed", lambda module: True)
    with pytest.raises(ConfigError, match=rf"^hydra\.launcher\.{need}: should be a number"):
        planned("hydra/launcher=ray", f"hydra.launcher.{need}", "seed=0,1")
    assert planned("hydra/launcher=ray", "hydra.launcher.num_gpus=0.25", "seed=0,1").at_once == 1
