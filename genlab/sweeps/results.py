"""What the folders of a sweep's jobs say, whichever process trained into them."""

from pathlib import Path

from genlab.runs.listing import Listed, list_runs
from genlab.sweeps.plan import Plan
from genlab.sweeps.table import Result

NOT_STARTED = "not started"


def listed(sweep: Path) -> dict[str, Listed]:
    """Name of its folder → the run, for those jobs that have begun."""
    return {run.folder.name: run for run in list_runs(sweep) if run.folder.parent == sweep}


def results(plan: Plan, runs: dict[str, Listed]) -> list[Result]:
    """One for each job of the plan, in its order."""
    return [_result(job.settings, runs.get(job.folder)) for job in plan.jobs]


def _result(settings: dict[str, str], run: Listed | None) -> Result:
    if run is None:
        return Result(settings, NOT_STARTED)
    if run.status != "finished":
        reason = run.reason if run.status in ("failed", "broken") else None
        return Result(settings, run.status, reason)
    return Result(settings, run.status, None, run.headline, run.value, run.seconds)
