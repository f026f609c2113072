"""Which runs repeat one another with other seeds."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from genlab.runs.identity import canonical, varying


def repetitions(runs: Sequence[Mapping[str, Any]], ignored: Sequence[str] = ()) -> tuple[list[str], list[list[int]]]:
    """Which settings vary, and the runs that agree in all of them.

    Args:
        runs: the settings of each; one that a run lacks is a value of its own.
        ignored: settings that do not count, as the seed.

    Returns:
        the names, and for each combination of their values the positions of its runs; both in the order in which they
        come.
    """
    names = [name for name in varying(runs) if name not in ignored]
    alike: dict[tuple[str | None, ...], list[int]] = {}
    for position, run in enumerate(runs):
        values = tuple(canonical(run[name]) if name in run else None for name in names)
        alike.setdefault(values, []).append(position)
    return names, list(alike.values())


def once_each(identities: Sequence[Hashable], ages: Sequence[Any] | None = None) -> list[int]:
    """Positions of the runs that count: of several with one identity the last, or the one with the greatest age.

    A run that was trained twice has one result. Counted as a second seed, it would make the spread too small.

    Args:
        identities: what is one run, as its fingerprint, or its seed within a group.
        ages: anything that can be compared, as the time when each run began.
    """
    chosen: dict[Hashable, int] = {}
    for position, identity in enumerate(identities):
        known = chosen.get(identity)
        if known is None or ages is None or ages[position] >= ages[known]:
            chosen[identity] = position
    return list(chosen.values())
