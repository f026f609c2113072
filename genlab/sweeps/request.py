"""What a command with -m asks for: its jobs, composed before the first one starts, and where they run."""

import itertools
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, ValidationError

from genlab.arguments import checked, explain
from genlab.errors import ConfigError
from genlab.processes.peers import check_one_device, peers
from genlab.runs.identity import fingerprint, without_seed
from genlab.sweeps.composition import compose_each
from genlab.sweeps.placement import PLACEMENTS, placement
from genlab.sweeps.plan import Job, Keep

OWN = "sweep."
MOST = 100_000  # jobs of one command


@dataclass(frozen=True)
class SweepRequest:
    """What is to be run."""

    folder: Path  # of the sweep, absolute
    resume: bool  # whether it is that of an earlier sweep
    keep: Keep  # see `genlab.sweeps.thinning`
    jobs: list[Job]  # each once, in Hydra's order, without a folder
    repeated: int  # how many more were typed, of the same configs
    batch: int  # how many of them the launcher gets at a time
    at_once: int  # how many may run at the same time on this machine; above 1, in processes of their own


def sweep_request(
    master: DictConfig, loader: ConfigLoader, typed: Sequence[str], batch: int | None = None
) -> SweepRequest:
    """Compose all jobs; ConfigError if one cannot be, or cannot be run in a sweep, or a setting of the sweep is wrong.

    Args:
        master: config of the sweep, with Hydra's part.
        typed: the overrides that are not Hydra's, some of them with several values.
        batch: how many jobs the launcher gets at a time; None for all.
    """
    started_by = peers()
    if started_by is not None:
        raise ConfigError(
            f"-m: {started_by.by} has started {started_by.processes} processes, each of which would run the whole "
            f"sweep; start it without {started_by.by}"
        )
    if batch is not None and (type(batch) is not int or batch < 1):
        raise ConfigError(f"hydra.sweeper.max_batch_size={batch}: should be 1 or more, or null for all jobs at a time")
    folder, at_once = _folder(master), _at_once(master.hydra.launcher)
    try:
        lists = combinations(OverridesParser.create(config_loader=loader).parse_overrides(list(typed)))
        jobs: dict[str, Job] = {}
        for overrides, config in zip(lists, compose_each(master, loader, lists), strict=True):
            resolved = _resolved(config)
            job = Job("", fingerprint(resolved), overrides, None, fingerprint(without_seed(resolved)))
            jobs.setdefault(job.fingerprint, job)
    except HydraException as error:
        raise ConfigError(" ".join(str(error).split()) or str(error.__cause__).partition("\n")[0]) from None
    return SweepRequest(
        folder,
        master.sweep.resume is not None,
        master.sweep.keep,
        list(jobs.values()),
        len(lists) - len(jobs),
        batch or len(jobs),
        min(at_once, len(jobs)),
    )


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """Overrides, some with several values → those of each job, the last ones varying fastest; of a key the last counts.

    ConfigError for values that cannot be counted, none, or too many.
    """
    choices: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif key.startswith(OWN):
            raise ConfigError(f"{override.input_line}: one value for the whole sweep; leave the others out")
        else:
            choices[key] = [f"{key}={value}" for value in sweep_values(override)]
    count = math.prod(map(len, choices.values()))
    if count > MOST:
        raise ConfigError(f"-m: more than {MOST:,} jobs, the most that one command runs; leave values out")
    own = {key for key in choices if key.startswith(OWN)}
    return [list(job) for job in itertools.product(*(texts for key, texts in choices.items() if key not in own))]


def sweep_values(override: Override) -> list[str]:
    """The values of an override with several, as they are typed; ConfigError if there is none, or no end of them."""
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{override.input_line}: an interval has no end of values; name some, or use range(start,stop,step)"
        )
    try:
        values = list(itertools.islice(override.sweep_string_iterator(), MOST + 1))
    except (ValueError, HydraException) as error:  # as of a step of 0
        raise ConfigError(f"{override.input_line}: {' '.join(str(error).split())}") from None
    if not values:
        raise ConfigError(f"{override.input_line}: has no value; name one, or leave it out")
    return values


def _folder(master: DictConfig) -> Path:
    resume, keep = master.sweep.resume, master.sweep.keep
    if keep not in get_args(Keep):
        raise ConfigError(f"sweep.keep={keep}: Allowed: {', '.join(get_args(Keep))}")
    if resume is not None and (not isinstance(resume, (str, int)) or resume == ""):
        raise ConfigError(f"sweep.resume={resume}: should be the folder of a sweep")
    subdir = OmegaConf.to_container(master.hydra.sweep).get("subdir")  # type: ignore[union-attr]
    if subdir != "${hydra:job.num}":
        raise ConfigError(f"hydra.sweep.subdir={subdir}: the jobs' folders have numbers; leave it out")
    return Path(os.path.expanduser(str(resume) if resume is not None else str(master.hydra.sweep.dir))).absolute()


def _at_once(launcher: DictConfig) -> int:
    """How many jobs the launcher has run at the same time; ConfigError for what it would refuse once it has begun."""
    place = placement(launcher._target_)
    if place is PLACEMENTS["submitit_slurm"] and shutil.which("sbatch") is None:
        raise ConfigError("hydra/launcher=submitit_slurm: no sbatch here; give the command where SLURM is installed")
    if place is PLACEMENTS["submitit_local"]:  # which knows no limit
        return MOST
    try:
        return _jobs_of(**{str(name): value for name, value in launcher.items()})
    except ValidationError as error:
        raise ConfigError(explain(error, "hydra.launcher")) from None


@checked
def _jobs_of(
    n_jobs: Annotated[int, Field(gt=0)] | Annotated[int, Field(lt=0)] | None = None,
    num_cpus: PositiveFloat = 1,
    num_gpus: NonNegativeFloat = 0,
    max_retries: NonNegativeInt = 0,
    **others: Any,
) -> int:
    from joblib import effective_n_jobs  # a part of a second

    return int(effective_n_jobs(n_jobs or 1))


def _resolved(cfg: DictConfig) -> Mapping[str, Any]:
    """The config of a job as plain values."""
    cfg.run_dir = "."  # known when the job starts
    config: Any = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    remedy = "use trainer.devices=1, or start each run by itself without -m"
    check_one_device(config["trainer"], f"a job of a sweep trains on one device; {remedy}")
    return config
