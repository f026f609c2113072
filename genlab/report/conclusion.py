"""Which model, and why: the first lines of a page about several runs, as sentences with their numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genlab.quantities import COMPARED
from genlab.report.comparison import Comparison
from genlab.report.grouping import Group, first_of_models
from genlab.report.milestones import Milestones
from genlab.report.wording import counted, in_brief, seconds_of, shown
from genlab.runs.comparison import Column

MOST_NAMED = 4  # settings in a sentence


@dataclass(frozen=True)
class Finding:
    """A question that a reader has, the answer, and what this speaks of: protocols, and settings that are left out."""

    question: str
    answer: str
    basis: str = ""


def conclusion(comparison: Comparison, milestones: Sequence[Milestones]) -> list[Finding]:
    """What the table of one data set says, the most asked first; empty where nothing has been measured."""
    of_data = [found for found in milestones if found.data == comparison.data]
    scores = [column for column in comparison.sample_scores if column.ranked]
    likelihoods = _likelihoods(comparison)
    findings = [
        Finding("Most realistic samples", _realism(comparison, scores), _basis(comparison, scores[:1], scores)),
        Finding(
            "Seconds to equal quality",
            " ".join(_equal_quality(found) for found in of_data),
            " ".join(f"{found.tag}: {found.protocol}." for found in of_data),
        ),
        Finding("Seconds of the whole training", _cost(comparison, "training_seconds", _seconds)),
        Finding(
            "Samples drawn a second",
            _cost(comparison, "samples_per_second", lambda mean, _: shown(float(f"{mean:.3g}")), True),
        ),
        Finding("Likelihood", _likelihood(comparison, likelihoods), _basis(comparison, likelihoods, likelihoods)),
    ]
    return [finding for finding in findings if finding.answer]


def _basis(comparison: Comparison, columns: Sequence[Column], told: Sequence[Column]) -> str:
    """How the numbers of some columns were measured, and which finished settings are in none that a sentence tells."""
    said = [f"{column.name}: {comparison.measured(column)}." for column in columns]
    counted = [comparison.means(column) for column in told]
    without = [g.label for g in comparison.groups if g.finished and not any(g in means for means in counted)]
    if columns and without:
        said.append(f"Left out, without such a number or by another protocol: {_some(without)}.")
    return " ".join(said)


def _some(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_NAMED} more" if len(labels) > MOST_NAMED else ""
    return ", ".join(labels[:MOST_NAMED]) + more


def _realism(comparison: Comparison, columns: Sequence[Column]) -> str:
    """The score of samples that most settings have, and whether chance explains its order."""
    if not columns:
        return ""
    column, *others = columns
    floor = comparison.floor(column)
    said = [_ranked(comparison, column) + (f". Real images reach {shown(floor)}." if floor is not None else ".")]
    if len(comparison.means(column)) > 1:
        said.append(_certainty(comparison, column))
    said += [f"By another protocol, which does not compare: {_ranked(comparison, other)}." for other in others]
    return " ".join(said)


def _ranked(comparison: Comparison, column: Column) -> str:
    """As `nll (lower is better) of AR: 84 (exact), of VAE: 86.1 (upper bound)`, see `_named`."""
    named = []
    means = comparison.means(column)
    for group in _named(list(means)):
        how = " and ".join(filter(None, map(in_brief, comparison.cells[column][group].estimators)))
        named.append(f"of {group.label}: {shown(means[group])}{f' ({how})' if how else ''}")
    return f"{column.name} ({column.better} is better) {', '.join(named)}"


def _certainty(comparison: Comparison, column: Column) -> str:
    cells = comparison.cells[column]
    best, *others = comparison.means(column)
    if cells[best].verdict == "best":
        return f"{best.label} differs from every other by more than chance explains."
    if len(cells[best].values) < 2:
        return "One seed: no test of what is chance."
    if all(len(cells[group].values) < 2 for group in others):
        return "The others have one seed: no test."
    alike = [group.label for group in others if cells[group].verdict and len(cells[group].values) > 1]
    said = f"Not distinguishable from the best: {_some(alike)}." if alike else ""
    single = [group.label for group in others if len(cells[group].values) == 1]
    return " ".join(filter(None, [said, f"One seed, so no test: {_some(single)}." if single else ""]))


def _equal_quality(found: Milestones) -> str:
    """The best in training against the best of each other: how long both needed to that which both came to."""
    best, *others = found.groups
    rivals = [group for group in first_of_models(found.groups) if group is not best]
    said = []
    for row in map(found.groups.index, rivals or others):
        mine, theirs = found.reached[0][row], found.reached[row][row]
        if mine.seconds is None or theirs.seconds is None:
            continue
        name = found.groups[row].label
        needed, other = seconds_of(mine.seconds), seconds_of(theirs.seconds)
        faster = "" if needed == other else f": {best.label if mine.seconds < theirs.seconds else name} was faster"
        if until := found.ahead[row]:
            said.append(f"{name} was ahead for the first {seconds_of(until)}, then {best.label}.")
        goal = f"To the best {found.tag} of {name}, {shown(found.goals[row])}"
        said.append(f"{goal}, {best.label} needed {needed} and {name} {other}{faster}.")
    own = found.reached[0][0]
    if own.seconds is not None and not any(reached[0].seeds for reached in found.reached[1:]):
        goal = shown(found.goals[0])
        said.append(f"No other came to the {goal} that {best.label} came to after {seconds_of(own.seconds)}.")
    return " ".join(said)


def _cost(comparison: Comparison, name: str, words: Callable[[float, Group], str], most_first: bool = False) -> str:
    """Of the leading setting of each model; what depends on a machine, on whatever it ran."""
    column = Column(name, "cost")
    means = comparison.means(column) if column in comparison.cells else {}
    found = [(means[group], group) for group in _leading(comparison) if group in means]
    found.sort(key=lambda one: (one[0], one[1].label), reverse=most_first)
    return ", ".join(f"{group.label}: {words(mean, group)}" for mean, group in found) + "." if found else ""


def _seconds(mean: float, group: Group) -> str:
    epochs = {run.listed.epochs for run in group.finished}
    return seconds_of(mean) + (f" ({counted(epochs.pop())})" if len(epochs) == 1 and None not in epochs else "")


def _leading(comparison: Comparison) -> list[Group]:
    """The setting of each model whose samples are best; of one model, those that are best."""
    columns = [column for column in comparison.sample_scores if column.ranked]
    ranked = [group for column in columns for group in comparison.means(column)]
    return _named([*ranked, *(group for group in comparison.groups if group.finished)])


def _likelihoods(comparison: Comparison) -> list[Column]:
    """Of each likelihood the column that most settings have, that of the evaluation before that of the run."""
    found = []
    for name in COMPARED:
        columns = [c for c in comparison.most_used((name, f"test/{name}").__contains__) if c.ranked]
        if columns:
            found.append(max(columns, key=lambda column: (len(comparison.means(column)), column.name == name)))
    return found


def _likelihood(comparison: Comparison, columns: Sequence[Column]) -> str:
    """The best of each; these have different units and do not compare."""
    said = [" ".join(filter(None, [_ranked(comparison, column), column.unit])) for column in columns]
    mixed = any(len(set(map(in_brief, comparison.estimators(column)))) > 1 for column in columns)
    together = " The two do not compare." if len(said) > 1 else ""
    bounds = " The true value of a bound may be better." if mixed else ""
    return f"{'; '.join(said)}.{together}{bounds}" if said else ""


def _named(groups: Sequence[Group]) -> list[Group]:
    """Of a ranking the first of each model; if there is but one model, the first few."""
    first = first_of_models(groups)
    return first if len(first) > 1 else list(dict.fromkeys(groups))[:MOST_NAMED]
