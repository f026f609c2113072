"""Results of jobs → rows: what varies, the mean and the standard deviation over seeds; numbers alone, no files."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SEED = "seed"
LONGEST = 100  # characters of why a job failed; error.log in its folder has all


@dataclass(frozen=True)
class Result:
    """A job, as it is after the sweep.

    Attributes:
        settings: what was typed for it, `{"model.latent_dim": "2", …}`.
        status: `finished`, `failed`, `interrupted`, `killed`, `running`, `broken` or `not started`.
        reason: why it failed.
        headline: tag of the model's first quantity, as `test/elbo`; None unless it has finished.
        value: of the headline; None where it is not finite.
        seconds: that the run took.
    """

    settings: Mapping[str, str]
    status: str
    reason: str | None = None
    headline: str | None = None
    value: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Statistic:
    """Of one metric over the seeds.

    Attributes:
        count: values.
        mean: None where one of the values is not finite.
        std: sample standard deviation, with count - 1 in the denominator; None of fewer than two values.
    """

    count: int
    mean: float | None
    std: float | None


@dataclass(frozen=True)
class Group:
    """The jobs that differ in nothing but the seed.

    Attributes:
        settings: those that vary in the sweep, without the seed.
        metrics: one statistic for each headline, because those of two models are not to be mixed.
        seconds: mean of the jobs that have finished.
        statuses: how many jobs ended how.
        reasons: why jobs failed, each once.
    """

    settings: dict[str, str]
    metrics: dict[str, Statistic]
    seconds: float | None
    statuses: dict[str, int]
    reasons: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return sum(self.statuses.values())

    def status(self) -> str:
        """`finished`, or `1 finished, 1 failed: why`."""
        if len(self.statuses) == 1:
            text = next(iter(self.statuses))
        else:
            text = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        whys = [why if len(why) <= LONGEST else f"{why[:LONGEST]} …" for why in self.reasons]
        return f"{text}: {'; '.join(whys)}" if whys else text


def varying(jobs: Sequence[Mapping[str, str]]) -> list[str]:
    """The settings of which not all jobs have the same value, in the order in which they come."""
    names = dict.fromkeys(name for settings in jobs for name in settings)
    return [name for name in names if len({settings.get(name) for settings in jobs}) > 1]


def groups(results: Sequence[Result]) -> list[Group]:
    """One for each combination of settings but the seed, in the order in which they come."""
    names = [name for name in varying([result.settings for result in results]) if name != SEED]
    members: dict[tuple[str | None, ...], list[Result]] = {}
    for result in results:
        members.setdefault(tuple(result.settings.get(name) for name in names), []).append(result)
    return [_group(dict(zip(names, key, strict=True)), found) for key, found in members.items()]


def _group(settings: Mapping[str, str | None], results: Sequence[Result]) -> Group:
    finished = [result for result in results if result.status == "finished"]
    tags = dict.fromkeys(result.headline for result in finished if result.headline)
    seconds = [result.seconds for result in finished if result.seconds is not None]
    return Group(
        {name: value for name, value in settings.items() if value is not None},
        {tag: statistic([result.value for result in finished if result.headline == tag]) for tag in tags},
        statistics.fmean(seconds) if seconds else None,
        dict(Counter(result.status for result in results)),
        list(dict.fromkeys(result.reason for result in results if result.reason)),
    )


def statistic(values: Sequence[float | None]) -> Statistic:
    """Mean and sample standard deviation; neither, if a value is not finite: a mean of the others would hide it."""
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if len(numbers) < len(values) or not numbers:
        return Statistic(len(values), None, None)
    std = statistics.stdev(numbers) if len(numbers) > 1 else None
    return Statistic(len(numbers), statistics.fmean(numbers), std)
