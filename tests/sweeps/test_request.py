"""A command line → its jobs, and the sweeps that are refused before they start."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from genlab.cli.overrides import check, searchpath
from genlab.console.program import mendable
from genlab.errors import ConfigError
from genlab.runs.configuration import config_dir, quoted
from genlab.sweeps.placement import threads_each
from genlab.sweeps.request import sweep_request


def planned(*arguments):
    """What the sweeper asks for, given what Hydra gives it."""
    checked = check(["-m", *arguments])
    overrides = [argument for argument in checked if not argument.startswith("-")]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        given = [*searchpath(), *overrides, "hydra.mode=MULTIRUN"]
        master = loader.load_configuration("config", given, RunMode.MULTIRUN)
        return sweep_request(master, loader, master.hydra.overrides.task, master.hydra.sweeper.max_batch_size)


def test_jobs_come_in_hydras_order_each_with_a_mark_of_its_own():
    found = planned("model=vae,gan", "seed=range(2)", "debug=fast", "outputs=/o")
    assert [job.overrides for job in found.jobs] == [
        [f"model={model}", f"seed={seed}", "debug=fast", "outputs=/o"] for model in ("vae", "gan") for seed in (0, 1)
    ]
    assert len({job.fingerprint for job in found.jobs}) == 4
    assert found.folder.parent == Path("/o/sweeps")
    assert (found.resume, found.keep, found.at_once) == (False, "all", 1)


def test_a_job_is_the_same_however_it_was_asked_for():
    explicit = planned("model.latent_dim=20", "seed=1", "sweep.keep=best", "data.num_workers=2")
    assert explicit.jobs[0].fingerprint == planned("model=vae", "seed=0,1").jobs[1].fingerprint
    assert explicit.jobs[0].overrides == ["model.latent_dim=20", "seed=1", "data.num_workers=2"]


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
    assert [job.fingerprint for job in found.jobs] == [job.fingerprint for job in explicit.jobs]


@pytest.mark.parametrize("typed", [["seed=0,1,0"], ["model.learning_rate=0.001,1e-3,2e-3"], ["model.beta=1,2,1.0"]])
def test_what_is_typed_twice_is_one_job(typed):
    found = planned(*typed)
    assert (len(found.jobs), found.repeated) == (2, 1)


def test_repetitions_differ_in_the_seed_only():
    found = planned("model.latent_dim=2,3", "seed=0,1", "trainer.accelerator=cpu,auto")
    assert len({job.fingerprint for job in found.jobs}) == 8
    assert [job.repeats for job in found.jobs[:2]] == [job.repeats for job in found.jobs[2:4]]
    assert len({job.repeats for job in found.jobs}) == 4


MODELS = ("autoencoder", "autoregressive", "flow", "flow_matching", "gan", "vae")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["model=glob(*)"], [f"model={name}" for name in MODELS]),
        (["model=glob(*,exclude=[f*,g*,*regressive])"], ["model=autoencoder", "model=vae"]),
        (["seed=choice(3,4)"], ["seed=3", "seed=4"]),
        (["seed=range(1,6,2)"], ["seed=1", "seed=3", "seed=5"]),
        (["model.beta=range(0,1,0.5)"], ["model.beta=0.0", "model.beta=0.5"]),
        (["seed=sort(3,1,2,reverse=true)"], ["seed=3", "seed=2", "seed=1"]),
        (["seed=tag(mine,choice(1,2))"], ["seed=1", "seed=2"]),
        (["model.hidden_dims=[8],[8,4]"], ["model.hidden_dims=[8]", "model.hidden_dims=[8,4]"]),
        (["hydra.sweeper.params.seed=0,1"], ["seed=0", "seed=1"]),
        (["+hydra.sweeper.params.model.latent_dim=choice(2,3)"], ["model.latent_dim=2", "model.latent_dim=3"]),
    ],
)
def test_all_that_hydras_basic_sweeper_reads(typed, expected):
    assert [job.overrides for job in planned(*typed).jobs] == [[override] for override in expected]


def test_shuffled_values_are_the_same_jobs():
    found = planned("seed=shuffle(range(5))")
    assert sorted(job.overrides for job in found.jobs) == [[f"seed={seed}"] for seed in range(5)]


def test_jobs_go_to_the_launcher_in_batches():
    assert planned("seed=range(5)", "hydra.sweeper.max_batch_size=2").batch == 2
    assert planned("seed=range(5)").batch == 5


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
        (["seed=0,1", "hydra.sweeper.max_batch_size=0"], ["hydra.sweeper.max_batch_size=0", "1 or more"]),
        (["seed=0,1", "hydra.sweeper.max_batch_size=x"], ["hydra.sweeper.max_batch_size=x", "1 or more"]),
        (["seed=range(0,3,0)"], ["seed=range(0,3,0)"]),
        (["model.beta=range(0,3,0.0)"], ["model.beta=range(0,3,0.0)"]),
        (["seed=range(0,3,-1)"], ["has no value"]),
        (["seed=interval(0,1)"], ["interval", "range("]),
        (["seed=range(1000000000)"], ["more than 100,000 jobs"]),
        (["seed=range(1000)", "model.latent_dim=range(1,1000)"], ["more than 100,000 jobs"]),
        (["model=glob(x*)"], ["model=glob(x*)", "Allowed: autoencoder"]),
        (["seed=0,1", "hydra/sweeper=basic"], ["hydra/sweeper", "leave it out"]),
        (["seed=0,1", "outputs=${nothing}"], ["nothing"]),
    ],
)
def test_what_cannot_be_a_sweep_is_refused_in_one_line(arguments, words):
    with pytest.raises((ConfigError, OmegaConfBaseException)) as error:
        planned(*arguments)
    line = mendable(error.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


@pytest.mark.parametrize("devices", ["[0]", "'1'"])
def test_one_device_however_it_is_written_may_be_swept(devices):
    assert len(planned("seed=0,1", "trainer=ddp", f"trainer.devices={devices}").jobs) == 2


def test_a_setting_of_sweeps_without_a_sweep_is_refused():
    with pytest.raises(ConfigError, match=r"sweep\.keep=best: of a sweep; add -m"):
        check(["sweep.keep=best"])


def test_joblib_takes_all_cores_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("joblib.effective_n_jobs", {-1: 2, 3: 3}.get)
    assert planned("hydra/launcher=joblib", "seed=0,1,2").at_once == 2
    assert planned("hydra/launcher=joblib", "hydra.launcher.n_jobs=3", "seed=0,1,2").at_once == 3


@pytest.mark.parametrize(("cores", "jobs", "threads"), [(8, 3, 2), (8, 8, 1), (2, 4, 1), (8, 2, 4)])
def test_the_jobs_share_the_cores(monkeypatch, cores, jobs, threads):
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    assert threads_each(jobs) == threads


def test_where_slurm_is_not_installed_nothing_is_begun(monkeypatch):
    pytest.importorskip("submitit", reason="needs the extra slurm")
    monkeypatch.setattr("genlab.sweeps.request.shutil.which", lambda name: None)
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
    with pytest.raises(ConfigError, match=rf"^hydra\.launcher\.{need}: should be "):
        planned("hydra/launcher=ray", f"hydra.launcher.{need}", "seed=0,1")
    assert planned("hydra/launcher=ray", "hydra.launcher.num_gpus=0.25", "seed=0,1").at_once == 1
