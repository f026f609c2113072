"""Who reached whose best, and when: seconds of training until `val/fid_SPACE` was as good as the best of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from genlab.report.grouping import Group, first_of_models
from genlab.report.reading import ReportedRun

MOST = 4  # settings in a table: it must fit on a phone


@dataclass(frozen=True)
class Reached:
    """When a setting came to a goal."""

    seconds: float | None  # of training, the mean over the seeds that came to it; None where none did
    seeds: int  # so many came to it
    of: int  # of so many


@dataclass(frozen=True)
class Milestones:
    """Settings whose scores in training compare."""

    data: str
    tag: str  # of the score
    protocol: str
    groups: list[Group]  # the one with the best goal first
    goals: list[float]  # for each, the best score that every seed of it came to
    reached: list[list[Reached]]  # for each setting (row), when it came to the goal of each (column)
    # for each setting, the seconds of training until which it had the better best score than the first of them; 0 where
    # it never had, None where it still has at its end
    ahead: list[float | None]


def milestones(groups: Sequence[Group]) -> list[Milestones]:
    """For each data set and protocol by which two settings or more were scored in training."""
    kinds: dict[tuple[str, str, str], dict[Group, list[ReportedRun]]] = {}
    for group in groups:
        for run in group.finished:
            tag = f"val/{run.sample_score}"
            protocol = run.listed.protocol.get(tag, "")
            if protocol and _curve(run):
                kinds.setdefault((group.data, tag, protocol), {}).setdefault(group, []).append(run)
    found = []
    for kind, runs in kinds.items():
        goals = {group: max(min(score for _, score in _curve(run)) for run in runs[group]) for group in runs}
        ranking = sorted(goals, key=goals.__getitem__)
        some = [*dict.fromkeys([*first_of_models(ranking), *ranking])][:MOST]
        chosen = [group for group in ranking if group in some]
        aims = [goals[group] for group in chosen]
        reached = [[_reached(runs[group], aim) for aim in aims] for group in chosen]
        ahead = [_ahead(runs[group], runs[chosen[0]]) for group in chosen]
        if len(runs) > 1:
            found.append(Milestones(*kind, chosen, aims, reached, ahead))
    return found


def _reached(runs: Sequence[ReportedRun], goal: float) -> Reached:
    firsts = [next((seconds for seconds, score in _curve(run) if score <= goal), None) for run in runs]
    known = [seconds for seconds in firsts if seconds is not None]
    return Reached(fmean(known) if known else None, len(known), len(runs))


def _ahead(runs: Sequence[ReportedRun], others: Sequence[ReportedRun]) -> float | None:
    """When the best score so far of `runs`, the mean over seeds, was last better than that of `others`."""
    moments = sorted({seconds for run in [*runs, *others] for seconds, _ in _curve(run)})
    until: float | None = 0.0
    for moment, following in zip(moments, [*moments[1:], None], strict=True):
        mine, theirs = (
            fmean(min((score for at, score in _curve(run) if at <= moment), default=math.inf) for run in some)
            for some in (runs, others)
        )
        if mine < theirs:
            until = following
    return until


def _curve(run: ReportedRun) -> list[tuple[float, float]]:
    return run.curves.over_seconds(f"val/{run.sample_score}")
