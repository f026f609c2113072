"""Which model, and why: the first lines of a page about several runs, as sentences with their numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from genlab.quantities import COMPARED, is_sample_score
from genlab.report.comparison import Column, Comparison, training_seconds
from genlab.report.grouping import Group
from genlab.report.milestones import Milestones
from genlab.report.wording import seconds_of, shown

MOST_NAMED = 4  # settings in a sentence


@dataclass(frozen=True)
class Finding:
    """A question that a reader has, and the answer."""

    question: str
    answer: str


def conclusion(comparison: Comparison, milestones: Sequence[Milestones]) -> list[Finding]:
    """What the table of one data set says, the most asked first; empty where nothing has been measured."""
    of_data = [found for found in milestones if found.data == comparison.data]
    answers = [
        ("Most realistic samples", _realism(comparison)),
        ("Seconds to equal quality", " ".join(_equal_quality(found) for found in of_data)),
        ("Seconds of the whole training", _training(comparison)),
        ("Samples drawn a second", _speed(comparison)),
        ("Likelihood", _likelihood(comparison)),
    ]
    return [Finding(question, answer) for question, answer in answers if answer]


def _realism(comparison: Comparison) -> str:
    """The score of samples that most settings have, and whether chance explains its order."""
    columns = [at for at, column in enumerate(comparison.columns) if is_sample_score(column.name) and column.ranked]
    if not columns:
        return ""
    counts = {at: len(_rows(comparison, at)) for at in columns}
    at = max(columns, key=lambda at: counts[at])
    said = _ranking(comparison, at)
    floor = _floor(comparison, comparison.columns[at])
    said += f". Real images reach {shown(floor)}." if floor is not None else "."
    if counts[at] > 1:
        said += " " + _certainty(comparison, at)
    for other in columns:
        if other != at:
            said += f" By another protocol, which does not compare: {_ranking(comparison, other)}."
    return said


def _ranking(comparison: Comparison, at: int) -> str:
    """As `fid_mnist (lower is better) of GAN: 1.9, of VAE: 5.0`, see `_first_of_models`."""
    column = comparison.columns[at]
    better = f"{column.better} is better"
    rows = _first_of_models(comparison, _rows(comparison, at))
    named = [f"{comparison.groups[row].label}: {shown(_mean_at(comparison, row, at))}" for row in rows]
    return f"{column.name} ({better}) of {', of '.join(named)}"


def _certainty(comparison: Comparison, at: int) -> str:
    rows = _rows(comparison, at)
    first = rows[0]
    if comparison.cells[first][at].verdict == "best":
        return f"{comparison.groups[first].label} differs from every other by more than chance explains."
    if len(comparison.cells[first][at].values) < 2:
        return "One seed cannot tell a difference from chance: repeat with seed=0,1,2."
    alike = [
        comparison.groups[row].label + (" (one seed)" if len(comparison.cells[row][at].values) == 1 else "")
        for row in rows[1:]
        if comparison.cells[row][at].verdict
    ]
    more = f" and {len(alike) - MOST_NAMED} more" if len(alike) > MOST_NAMED else ""
    return f"Not distinguishable from the best: {', '.join(alike[:MOST_NAMED])}{more}."


def _equal_quality(found: Milestones) -> str:
    """The best in training against the best of each other: how long both needed to that which both came to."""
    best, rows = found.groups[0].label, range(1, len(found.groups))
    models = [group.model for group in found.groups]
    rivals = [row for row in rows if models.index(models[row]) == row]  # the best of each other model
    said = []
    for row in rivals or rows:
        mine, theirs = found.reached[0][row], found.reached[row][row]
        if mine.seconds is None or theirs.seconds is None:
            continue
        name = found.groups[row].label
        needed, other = seconds_of(mine.seconds), seconds_of(theirs.seconds)
        faster = "" if needed == other else f": {best if mine.seconds < theirs.seconds else name} was faster"
        words = f"{best} needed {needed} and {name} {other}{faster}"
        until = found.ahead[row]
        if until:
            said.append(f"{name} was ahead for the first {seconds_of(until)}, then {best}.")
        said.append(f"To the best {found.tag} of {name}, {shown(found.goals[row])}, {words}.")
    own = found.reached[0][0]
    if own.seconds is not None and not any(found.reached[row][0].seeds for row in rows):
        goal = shown(found.goals[0])
        said.append(f"No other came to the {goal} that {best} came to after {seconds_of(own.seconds)}.")
    return " ".join(said)


def _training(comparison: Comparison) -> str:
    found = []
    for group in _leading(comparison):
        seconds = [at for run in group.finished if (at := training_seconds(run)) is not None]
        if seconds:
            epochs = {run.listed.epochs for run in group.finished}
            words = f" ({epochs.pop()} epochs)" if len(epochs) == 1 and None not in epochs else ""
            mean = fmean(seconds)
            found.append((mean, f"{group.label}: {seconds_of(mean)}{words}"))
    return ", ".join(said for _, said in sorted(found)) + "." if found else ""


def _speed(comparison: Comparison) -> str:
    """On whatever machine the evaluations ran."""
    at = next((at for at, column in enumerate(comparison.columns) if column.name == "samples_per_second"), None)
    if at is None:
        return ""
    leading = _leading(comparison)
    means = [(cells[at].mean, group) for group, cells in zip(comparison.groups, comparison.cells, strict=True)]
    found = [(mean, group.label) for mean, group in means if mean is not None and any(group is one for one in leading)]
    named = [f"{label}: {shown(float(f'{mean:.3g}'))}" for mean, label in sorted(found, reverse=True)]
    return ", ".join(named) + "." if named else ""


def _leading(comparison: Comparison) -> list[Group]:
    """The setting of each model whose samples are best; of one model, those that are best."""
    columns = [at for at, column in enumerate(comparison.columns) if is_sample_score(column.name) and column.ranked]
    ranking = [row for at in columns for row in _rows(comparison, at)]
    ranking += [row for row, group in enumerate(comparison.groups) if group.finished and row not in ranking]
    return [comparison.groups[row] for row in _first_of_models(comparison, list(dict.fromkeys(ranking)))]


def _likelihood(comparison: Comparison) -> str:
    """The best of each likelihood that was measured; these have different units and do not compare."""
    said = []
    for name in COMPARED:
        columns = [at for at, c in enumerate(comparison.columns) if c.name in (name, f"test/{name}") and c.ranked]
        at = max(
            columns, key=lambda at: (len(_rows(comparison, at)), comparison.columns[at].name == name), default=None
        )
        if at is not None:
            unit = comparison.columns[at].unit
            said.append(_ranking(comparison, at) + (f" {unit}" if unit else ""))
    together = " The two do not compare." if len(said) > 1 else ""
    return f"{'; '.join(said)}.{together}" if said else ""


def _rows(comparison: Comparison, at: int) -> list[int]:
    """Rows with a number in a column, the best first."""
    rows = [row for row, cells in enumerate(comparison.cells) if cells[at].mean is not None]
    return sorted(
        rows, key=lambda row: _mean_at(comparison, row, at), reverse=comparison.columns[at].better == "higher"
    )


def _first_of_models(comparison: Comparison, rows: Sequence[int]) -> list[int]:
    """Of a ranking the first of each model; if there is but one model, the first few."""
    models = [comparison.groups[row].model for row in rows]
    if len(set(models)) == 1:
        return list(rows[:MOST_NAMED])
    return [row for place, row in enumerate(rows) if models.index(models[place]) == place]


def _mean_at(comparison: Comparison, row: int, at: int) -> float:
    mean = comparison.cells[row][at].mean
    return math.nan if mean is None else mean


def _floor(comparison: Comparison, column: Column) -> float | None:
    """What real images get in the place of samples, where all that were measured so say the same."""
    scores = [
        score
        for group in comparison.groups
        for run in group.finished
        if run.evaluation and (score := run.evaluation.scores.get(column.name)) and score.protocol == column.protocol
    ]
    floors = {score.floor for score in scores}
    return floors.pop() if len(floors) == 1 else None
