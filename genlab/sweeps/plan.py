"""sweep.json: which job of a sweep goes to which folder; written before the first job starts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, TypeAdapter, ValidationError

from genlab.arguments import explain
from genlab.errors import RunError, plain
from genlab.runs.atomic import write_text
from genlab.runs.identity import varying
from genlab.runs.membership import SWEEP_FILE
from genlab.runs.trust import read_text

Keep = Literal["all", "best"]

LARGEST = 1_000_000_000  # bytes; 10,000 jobs with their results have 30,000,000


@dataclass(frozen=True)
class Job:
    """One run of a sweep; its folder has a number for a name."""

    folder: Annotated[str, Field(pattern="^(0|[1-9][0-9]{0,8})$")]
    fingerprint: str  # of its config, see `genlab.runs.identity`
    overrides: list[str]  # what Hydra composed it from
    number: NonNegativeInt | None = None  # Hydra's, in the command that was typed last; None of an earlier command
    repeats: str = ""  # fingerprint of its config without the seed; empty in a plan of an earlier version

    @property
    def settings(self) -> dict[str, str]:
        """`{"model.latent_dim": "2", …}`; `~logger` is a setting without a value."""
        pairs = (override.lstrip("+").partition("=") for override in self.overrides)
        return {key: value for key, _, value in pairs}


@dataclass(frozen=True)
class Plan:
    """All jobs of a sweep's folder, and what becomes of the checkpoints of those that are not the best."""

    jobs: list[Job]
    keep: Keep
    format: Literal[1] = 1

    def current(self) -> list[Job]:
        """The jobs of the command that was typed last, in its order."""
        return sorted((job for job in self.jobs if job.number is not None), key=lambda job: job.number or 0)


def assign(wanted: Sequence[Job], known: Sequence[Job]) -> list[Job]:
    """A folder for each job: that of a known job with its fingerprint, or the next number.

    Args:
        wanted: in Hydra's order; their folders and numbers do not count.
        known: the jobs of the sweep that is resumed. Those that are not wanted any more stay, without a number.
    """
    folders = {job.fingerprint: job.folder for job in reversed(known)}
    following = max((int(job.folder) for job in known), default=-1) + 1
    jobs = []
    for number, job in enumerate(wanted):
        folder = folders.get(job.fingerprint)
        if folder is None:
            folder, following = str(following), following + 1
        jobs.append(replace(job, folder=folder, number=number))
    taken = {job.folder for job in jobs}
    left = [replace(job, number=None) for job in known if job.folder not in taken]
    return sorted([*jobs, *left], key=lambda job: int(job.folder))


def difference(job: Job, jobs: Sequence[Job]) -> str:
    """`model=vae seed=0`: what makes a job different from the others."""
    names = varying([one.settings for one in jobs])
    return plain(" ".join(f"{name}={job.settings[name]}" for name in names if name in job.settings))


def write_plan(folder: Path, plan: Plan, **results: Any) -> None:
    """Write sweep.json, whole or not at all, with results for whoever reads the file."""
    written = {"format": plan.format, "keep": plan.keep, **results, "jobs": [asdict(job) for job in plan.jobs]}
    write_text(folder / SWEEP_FILE, json.dumps(written, indent=1, allow_nan=False) + "\n")


def read_plan(folder: Path) -> Plan:
    """The plan of a sweep's folder; RunError if it is no such folder, or its sweep.json is damaged."""
    path = folder / SWEEP_FILE
    if not path.exists():
        raise RunError(f"{folder}: no folder of a sweep, it has no {SWEEP_FILE}; sweeps are below outputs/sweeps")
    try:
        plan = TypeAdapter(Plan).validate_json(read_text(path, LARGEST), strict=True)
    except ValidationError as error:
        raise RunError(f"{path}: damaged ({explain(error)}); restore it from a copy") from None
    if len({job.folder for job in plan.jobs}) < len(plan.jobs):
        raise RunError(f"{path}: damaged (two jobs in one folder); restore it from a copy")
    return plan
