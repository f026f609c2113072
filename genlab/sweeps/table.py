"""Results of jobs → rows: what varies, the mean and the standard deviation over seeds; only numbers, no files."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genlab.console.readable import readable
from genlab.runs.identity import varying
from genlab.runs.repetitions import Statistic, once_each, repetitions, statistic

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
        fingerprint, repeats: of its config, with and without the seed; empty where they are not known.
    """

    settings: Mapping[str, str]
    status: str
    reason: str | None = None
    headline: str | None = None
    value: float | None = None
    seconds: float | None = None
    fingerprint: str = ""
    repeats: str = ""


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


def groups(results: Sequence[Result]) -> list[Group]:
    """One for each config but for the seed, in the order in which they come; a run that was typed twice counts once."""
    of_runs = [result.fingerprint or str(place) for place, result in enumerate(results)]
    results = [results[place] for place in sorted(once_each(of_runs))]
    _, alike = repetitions(
        [{"config": result.repeats} if result.repeats else result.settings for result in results], [SEED]
    )
    members = [[results[place] for place in places] for places in alike]
    # what one of them was typed with and another has by default
    settings = [{name: value for result in found for name, value in result.settings.items()} for found in members]
    names = [name for name in varying(settings) if name != SEED]
    return [
        _group({name: typed[name] for name in names if name in typed}, found)
        for typed, found in zip(settings, members, strict=True)
    ]


def _group(settings: dict[str, str], results: Sequence[Result]) -> Group:
    finished = [result for result in results if result.status == "finished"]
    tags = dict.fromkeys(result.headline for result in finished if result.headline)
    seconds = [result.seconds for result in finished if result.seconds is not None]
    return Group(
        settings,
        {tag: statistic([result.value for result in finished if result.headline == tag]) for tag in tags},
        statistics.fmean(seconds) if seconds else None,
        dict(Counter(result.status for result in results)),
        list(dict.fromkeys(result.reason for result in results if result.reason)),
    )


def cells(groups: Sequence[Group]) -> tuple[list[str], list[list[str]], list[str]]:
    """Names of the columns, a text for each and each group, and the columns that are aligned to the right.

    Each headline metric has a column of its own: an ELBO and bits per dimension are not to be compared.
    """
    settings = list(dict.fromkeys(name for group in groups for name in group.settings))
    tags = list(dict.fromkeys(tag for group in groups for tag in group.metrics))
    rows = [
        [
            *(group.settings.get(name, "-") for name in settings),
            str(group.runs),
            *(mean_and_std(group.metrics[tag]) if tag in group.metrics else "" for tag in tags),
            "-" if group.seconds is None else f"{group.seconds:.0f}",
            group.status(),
        ]
        for group in groups
    ]
    right = ["runs", "seconds", *(name for name in settings if all(_is_number(g.settings.get(name)) for g in groups))]
    return [*settings, "runs", *tags, "seconds", "status"], rows, right


def mean_and_std(statistic: Statistic) -> str:
    """`-98.14 ± 0.21`; of one run the value alone."""
    if statistic.mean is None:
        return "not finite"
    if statistic.std is None:
        return readable(statistic.mean)
    digits = len(readable(statistic.mean).partition(".")[2])
    return f"{readable(statistic.mean)} ± {statistic.std:.{digits}f}"


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
