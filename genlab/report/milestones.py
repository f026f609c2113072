"""Who reached whose best, and when: seconds of training until `val/fid_SPACE` was as good as the best of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun

MOST = 4  # settings in a table: it must fit on a phone


@dataclass(frozen=True)
class Reached:
    """When a setting came to a goal.

    Attributes:
        seconds: of training, the mean over the seeds that came to it; None where none did.
        seeds, of: so many came to it, of so many.
    """

    seconds: float | None
    seeds: int
    of: int


@dataclass(frozen=True)
class Milestones:
    """Settings whose scores in training compare.

    Attributes:
        data, tag, protocol: of the score.
        groups: the one with the best goal first.
        goals: for each, the best score that every seed of it came to.
        reached: for each setting (row), when it came to the goal of each (column).
        ahead: for each setting, the seconds of training until which it had the better best score than the first of
            them; 0 where it never had, None where it still has at its end.
    """

    data: str
    tag: str
    protocol: str
    groups: list[Group]
    goals: list[float]
    reached: list[list[Reached]]
    ahead: list[float | None]


def milestones(groups: Sequence[Group]) -> list[Milestones]:
    """For each data set and protocol by which two settings or more were scored in training."""
    kinds: dict[tuple[str, str, str], dict[int, tuple[Group, list[ReportedRun]]]] = {}
    for group in groups:
        for run in group.finished:
            tag = f"val/{run.sample_score}"
            protocol = run.protocol.get(tag, "")
            if protocol and run.curves.over_seconds(tag):
                members = kinds.setdefault((group.data, tag, protocol), {})
                members.setdefault(id(group), (group, []))[1].append(run)
    return [_milestones(*kind, list(members.values())) for kind, members in kinds.items() if len(members) > 1]


def _milestones(data: str, tag: str, protocol: str, members: Sequence[tuple[Group, list[ReportedRun]]]) -> Milestones:
    goals = {id(group): max(min(score for _, score in _curve(run)) for run in runs) for group, runs in members}
    ranking = sorted(members, key=lambda member: goals[id(member[0])])
    models = [group.model for group, _ in ranking]
    first_of_model = [models.index(model) == place for place, model in enumerate(models)]
    leading = [member for member, first in zip(ranking, first_of_model, strict=True) if first]
    following = [member for member, first in zip(ranking, first_of_model, strict=True) if not first]
    chosen = sorted([*leading, *following][:MOST], key=lambda member: goals[id(member[0])])
    aims = [goals[id(group)] for group, _ in chosen]
    return Milestones(
        data,
        tag,
        protocol,
        [group for group, _ in chosen],
        aims,
        [[_reached(runs, aim) for aim in aims] for _, runs in chosen],
        [_ahead(runs, chosen[0][1]) for _, runs in chosen],
    )


def _reached(runs: Sequence[ReportedRun], goal: float) -> Reached:
    firsts = [next((seconds for seconds, score in _curve(run) if score <= goal), None) for run in runs]
    known = [seconds for seconds in firsts if seconds is not None]
    return Reached(fmean(known) if known else None, len(known), len(runs))


def _ahead(runs: Sequence[ReportedRun], others: Sequence[ReportedRun]) -> float | None:
    """When the best score so far of `runs`, the mean over seeds, was last better than that of `others`."""
    moments = sorted({seconds for run in [*runs, *others] for seconds, _ in _curve(run)})
    until: float | None = 0.0
    for moment, following in zip(moments, [*moments[1:], None], strict=True):
        if _best_so_far(runs, moment) < _best_so_far(others, moment):
            until = following
    return until


def _best_so_far(runs: Sequence[ReportedRun], moment: float) -> float:
    bests = [min((score for at, score in _curve(run) if at <= moment), default=math.inf) for run in runs]
    return math.fsum(bests) / len(bests)


def _curve(run: ReportedRun) -> list[tuple[float, float]]:
    return run.curves.over_seconds(f"val/{run.sample_score}")
