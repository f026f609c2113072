"""Groups of jobs → the cells of the table on the console, and the rows of sweep.csv."""

from collections.abc import Sequence

from genlab.console.readable import readable
from genlab.sweeps.table import Group, Statistic


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
