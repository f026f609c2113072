"""A command line with -m → its jobs, composed before the first one starts."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genlab.errors import ConfigError
from genlab.processes.peers import peers
from genlab.runs.configuration import config_dir
from genlab.sweeps.composition import compose_each
from genlab.sweeps.fingerprint import fingerprint
from genlab.sweeps.launchers import LAUNCHERS, Launcher, launcher
from genlab.sweeps.plan import Keep

OWN = "sweep."


@dataclass(frozen=True)
class Grid:
    """What is to be run.

    Attributes:
        folder: of the sweep, absolute.
        resume: whether it is that of an earlier sweep.
        keep: see `genlab.sweeps.thinning`.
        jobs: overrides and fingerprint of each, in Hydra's order.
        at_once: how many jobs may run at the same time on this machine; above 1, in processes of their own.
        launcher: that starts them.
    """

    folder: Path
    resume: bool
    keep: Keep
    jobs: list[tuple[list[str], str]]
    at_once: int
    launcher: Launcher


def grid(arguments: list[str], searchpath: Sequence[str] = ()) -> Grid | None:
    """What checked arguments of `train.py` ask for; None if that is one run, or an answer of Hydra's, as `--cfg job`.

    Args:
        arguments: as `genlab.cli.overrides.check` returns them.
        searchpath: an override that names further folders of options, or none.

    Raises:
        ConfigError: a job that cannot be composed or run in a sweep, or a setting of the sweep that is wrong.
    """
    given = get_args_parser().parse_args(arguments)
    if given.multirun and (given.cfg or given.info):
        raise ConfigError("-m: --cfg and --info show the config of one run; leave -m and all values but one out")
    if given.help or given.hydra_help or given.shell_completion or given.cfg or given.info:
        return None
    overrides = OverridesParser.create().parse_overrides(given.overrides)
    mode = [o.value() for o in overrides if o.key_or_group == "hydra.mode"]
    own = [o for o in overrides if o.key_or_group.startswith(OWN)]
    if not (given.multirun or "MULTIRUN" in map(str, mode)):
        if own:
            raise ConfigError(f"{own[0].input_line}: of a sweep; add -m, or leave it out")
        return None
    launched = peers()
    if launched is not None:
        raise ConfigError(
            f"-m: {launched.by} has started {launched.processes} processes, each of which would run the whole sweep; "
            f"start it without {launched.by}"
        )
    for override in own:
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: one value for the whole sweep; leave the others out")
    try:
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            return _composed(overrides, searchpath)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error.msg).splitlines()[0]}; give it a value") from None
    except HydraException as error:
        raise ConfigError(" ".join(str(error).split())) from None


def _composed(overrides: Sequence[Override], searchpath: Sequence[str]) -> Grid:
    plain = [_text(o) for o in overrides if not o.is_sweep_override()]
    master = compose("config", [*searchpath, *plain], return_hydra_config=True)
    folder = _folder(master)
    _check_hydra(master)
    # the sweeps of an experiment's config come first, as with Hydra
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = parser.parse_overrides([f"{key}={value}" for key, value in (master.hydra.sweeper.params or {}).items()])
    of_jobs = [o for o in overrides if not o.key_or_group.startswith(("hydra.", "hydra/"))]
    lists = BasicSweeper.split_arguments([*params, *of_jobs], None)[0]
    jobs = [
        (_without_own(texts), fingerprint(_resolved(config)))
        for texts, config in zip(lists, compose_each(lists, searchpath), strict=True)
    ]
    started_by = launcher(master.hydra.launcher._target_)
    if started_by is LAUNCHERS["submitit_slurm"] and shutil.which("sbatch") is None:
        raise ConfigError("hydra/launcher=submitit_slurm: no sbatch here; give the command where SLURM is installed")
    return Grid(
        folder,
        master.sweep.resume is not None,
        master.sweep.keep,
        jobs,
        _at_once(master, started_by, len(jobs)),
        started_by,
    )


def _text(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _folder(master: DictConfig) -> Path:
    resume, keep = master.sweep.resume, master.sweep.keep
    if keep not in get_args(Keep):
        raise ConfigError(f"sweep.keep={keep}: Allowed: {', '.join(get_args(Keep))}")
    if resume is not None and (not isinstance(resume, (str, int)) or resume == ""):
        raise ConfigError(f"sweep.resume={resume}: should be the folder of a sweep")
    return Path(os.path.expanduser(str(resume) if resume is not None else str(master.hydra.sweep.dir))).absolute()


def _check_hydra(master: DictConfig) -> None:
    if not master.hydra.sweeper._target_.endswith(".BasicSweeper"):
        raise ConfigError("hydra/sweeper: genlab's table and resuming need Hydra's own, basic; leave it out")
    subdir = OmegaConf.to_container(master.hydra.sweep).get("subdir")  # type: ignore[union-attr]
    if subdir != "${hydra:job.num}":
        raise ConfigError(f"hydra.sweep.subdir={subdir}: the jobs' folders have numbers; leave it out")
    if launcher(master.hydra.launcher._target_) is LAUNCHERS["ray"]:
        _check_needs(master.hydra.launcher)


def _check_needs(settings: DictConfig) -> None:
    """What a job on a Ray cluster is given; Ray itself answers when the sweep has begun."""
    given = {name: settings[name] for name in ("num_cpus", "num_gpus", "max_retries")}
    numbers = {name: value for name, value in given.items() if type(value) in (int, float) and value >= 0}
    for name, value in given.items():
        if name not in numbers or (name == "num_cpus" and value == 0) or (name == "max_retries" and value % 1):
            raise ConfigError(f"hydra.launcher.{name}={value}: should be a number, as in conf/hydra/launcher/ray.yaml")


def _resolved(cfg: DictConfig) -> Mapping[str, Any]:
    """The config of a job as plain values."""
    cfg.run_dir = "."  # known when the job starts
    config: Any = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    trainer = config["trainer"]
    devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
    several = devices not in (1, "1") and not (isinstance(devices, list) and len(devices) == 1)
    if several or nodes not in (None, 1):
        name, value = ("devices", devices) if several else ("num_nodes", nodes)
        raise ConfigError(
            f"trainer.{name}={value}: a job of a sweep trains on one device; use trainer.devices=1, or start each run "
            "by itself without -m"
        )
    return config


def _without_own(overrides: list[str]) -> list[str]:
    return [override for override in overrides if not override.startswith(OWN)]


def _at_once(master: DictConfig, started_by: Launcher, jobs: int) -> int:
    if started_by is LAUNCHERS["submitit_local"]:  # which knows no limit
        return jobs
    n_jobs = master.hydra.launcher.get("n_jobs")
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, int) or n_jobs == 0:
        raise ConfigError(f"hydra.launcher.n_jobs={n_jobs}: should be a number of jobs, or -1 for one a core")
    from genlab.sweeps.cores import jobs_at_once

    return jobs_at_once(n_jobs)
