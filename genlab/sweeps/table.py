"""Results of jobs → rows: what varies, the mean and the standard deviation over seeds; only numbers, no files."""

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genlab.console.readable import readable
from genlab.quantities import quantity
from genlab.runs.comparison import Cell, Cells, Column, Number, compare
from genlab.runs.identity import once_each, repetitions, varying

SEED = "seed"
LONGEST = 100  # characters of why a job failed; error.log in its folder has all


@dataclass(frozen=True)
class Result:
    """A job, as it is after the sweep."""

    settings: Mapping[str, str]  # what was typed for it, `{"model.latent_dim": "2", …}`
    status: str  # `finished`, `failed`, `interrupted`, `killed`, `running`, `broken` or `not started`
    reason: str | None = None  # why it failed
    headline: str | None = None  # tag of the model's first quantity, as `test/elbo`; None unless it has finished
    value: float | None = None  # of the headline; None where it is not finite
    seconds: float | None = None
    fingerprint: str = ""  # of its config; empty where it is not known
    repeats: str = ""  # the same without the seed
    protocol: str = ""  # of the headline, as the estimator: see `genlab.runs.comparison`
    estimator: str = ""

    @property
    def measured(self) -> dict[Column, Number]:
        """Its headline: an ELBO and bits per dimension are not to be compared, nor two protocols."""
        if not self.headline:
            return {}
        column = Column(self.headline, better=quantity(self.headline).better or "", protocol=self.protocol)
        return {column: Number(self.value, self.estimator)}


@dataclass(frozen=True, eq=False)  # hashable: a row is itself only
class Group:
    """The jobs that differ in nothing but the seed."""

    settings: dict[str, str]  # those that vary in the sweep, without the seed
    jobs: list[Result]  # all of them; `finished` are those whose numbers count

    @property
    def finished(self) -> list[Result]:
        return [job for job in self.jobs if job.status == "finished"]

    @property
    def seconds(self) -> float | None:
        """Mean of the jobs that have finished."""
        seconds = [job.seconds for job in self.finished if job.seconds is not None]
        return statistics.fmean(seconds) if seconds else None

    @property
    def statuses(self) -> dict[str, int]:
        """How many jobs ended how."""
        return dict(Counter(job.status for job in self.jobs))

    @property
    def reasons(self) -> list[str]:
        """Why jobs failed, each once."""
        return list(dict.fromkeys(job.reason for job in self.jobs if job.reason))

    def status(self) -> str:
        """`finished`, or `1 finished, 1 failed: why`."""
        counts = self.statuses
        text = ", ".join(f"{count} {status}" if len(counts) > 1 else status for status, count in counts.items())
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
    settings = [{name: value for job in jobs for name, value in job.settings.items()} for jobs in members]
    names = [name for name in varying(settings) if name != SEED]
    return [
        Group({name: typed[name] for name in names if name in typed}, jobs)
        for typed, jobs in zip(settings, members, strict=True)
    ]


def compared(groups: Sequence[Group]) -> Cells[Group]:
    """Each headline, the mean over seeds, and the best."""
    return compare({group: [job.measured for job in group.finished] for group in groups})


def heads(columns: Collection[Column]) -> dict[Column, str]:
    """The name of each column, with a number where two protocols have the same."""
    names = Counter(column.name for column in columns)
    return {c: f"{c.name} ({at})" if names[c.name] > 1 else c.name for at, c in enumerate(columns, 1)}


def cells(groups: Sequence[Group], columns: Cells[Group]) -> tuple[list[str], list[list[str]], list[str]]:
    """Names of the columns, a text for each and each group, and the columns that are aligned to the right."""
    settings = list(dict.fromkeys(name for group in groups for name in group.settings))
    rows = [
        [
            *(group.settings.get(name, "-") for name in settings),
            str(len(group.jobs)),
            *(said(column[group]) for column in columns.values()),
            "-" if group.seconds is None else f"{group.seconds:.0f}",
            group.status(),
        ]
        for group in groups
    ]
    right = ["runs", "seconds", *(name for name in settings if all(_is_number(g.settings.get(name)) for g in groups))]
    return [*settings, "runs", *heads(columns).values(), "seconds", "status"], rows, right


def plain_rows(groups: Sequence[Group], columns: Cells[Group]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [
        {
            "settings": group.settings,
            "metrics": {
                head: {"count": len(cell.values), "mean": cell.mean, "std": cell.sd, "verdict": cell.verdict}
                for column, head in heads(columns).items()
                if (cell := columns[column][group]).values or cell.absent
            },
            **{name: getattr(group, name) for name in ("seconds", "statuses", "reasons")},
        }
        for group in groups
    ]


def said(cell: Cell) -> str:
    """`-98.14 ± 0.21`; of one run only the value; `best`, where chance does not explain it."""
    if cell.mean is None:
        return cell.absent
    value = readable(cell.mean)
    digits = len(value.partition(".")[2])
    spread = "" if cell.sd is None else f" ± {cell.sd:.{digits}f}"
    return f"{value}{spread}{' best' if cell.verdict == 'best' else ''}"


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
