"""Which runs are repetitions of one another: those that differ only by the seed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genlab.report.reading import ReportedRun
from genlab.runs.identity import NOT_SET, canonical, changes_result, once_each, repetitions, short_names

ROOT = "data.root"
LONGEST = 40  # characters of a label
NAMED = 2  # settings in a short one
WORD = 8  # letters that a short label leaves whole


@dataclass(frozen=True, eq=False)  # hashable: a row is itself only
class Group:
    """Runs of one model on the same images with the same settings, whatever their seeds."""

    label: str  # the model, and the settings in which it differs from the other groups of that model, in short
    full: str  # the same with all of these settings
    model: str
    data: str  # as the runs say; with more words where runs on other images have the same name of a data set
    varied: dict[str, Any]  # address → value, of the settings in the label
    runs: list[ReportedRun]  # all of them; `finished` are those that count

    @property
    def finished(self) -> list[ReportedRun]:
        """Those whose numbers count: others may have stopped anywhere, and a seed that ran twice has one result."""
        runs = [run for run in self.runs if run.listed.status == "finished"]
        seeds = [id(run) if run.listed.seed is None else run.listed.seed for run in runs]
        return [runs[at] for at in once_each(seeds, [run.listed.started for run in runs])]


def first_of_models(groups: Sequence[Group]) -> list[Group]:
    """The first group of each model."""
    first: dict[str, Group] = {}
    for group in groups:
        first.setdefault(group.model, group)
    return list(first.values())


def group_runs(runs: Sequence[ReportedRun]) -> list[Group]:
    """Groups of the runs that can be read, in the order in which they were named first."""
    readable = [run for run in runs if not run.broken]
    families: dict[tuple[str, str], list[ReportedRun]] = {}
    for run, (_, data) in zip(readable, _data_of(readable), strict=True):
        families.setdefault((run.listed.model or "unknown model", data), []).append(run)
    several_data = len({data for _, data in families}) > 1
    groups = []
    for (model, data), members in families.items():
        settings = [
            {address: value for address, value in run.settings.items() if changes_result(address) and address != ROOT}
            for run in members
        ]
        addresses, alike = repetitions(settings)
        varied = [{address: settings[at[0]].get(address, NOT_SET) for address in addresses} for at in alike]
        family = f"{model} on {data}" if several_data else model
        full, short = _labels(family, varied, short_names(addresses))
        for label, whole, values, positions in zip(short, full, varied, alike, strict=True):
            groups.append(Group(label, whole, model, data, values, [members[at] for at in positions]))
    return groups


def _labels(family: str, varied: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The full labels of the groups of a family, and the short ones.

    Where full ones are too long for a legend, a short one names two settings in which the group differs from what is
    usual in the family, and says how many more there are; where that is too long too, in abbreviations.
    """
    full = [" ".join([family, *(f"{names[a]}={_text(value)}" for a, value in each.items())]) for each in varied]
    if max(map(len, full)) <= LONGEST:
        return full, full
    usual = {a: Counter(canonical(settings[a]) for settings in varied).most_common(1)[0][0] for a in names}
    brief = {a: _abbreviated([_text(settings[a]) for settings in varied]) for a in names}
    brief_names = _abbreviated(list(names.values()))
    short: list[str] = []
    for settings in varied:
        others = {a: _text(value) for a, value in settings.items() if canonical(value) != usual[a]}
        label = _short(family, {names[a]: value for a, value in others.items()})
        if len(label) > LONGEST:
            label = _short(family, {brief_names[names[a]]: brief[a][value] for a, value in others.items()})
        again = sum(known.partition(" #")[0] == label for known in short)
        short.append(f"{label} #{again + 1}" if again else label)
    return full, short


def _text(value: Any) -> str:
    return "null" if value is None else str(value)


def _short(family: str, settings: Mapping[str, str]) -> str:
    """The family with its first unusual settings."""
    parts = [f"{name}={value}" for name, value in list(settings.items())[:NAMED]]
    parts = [part if len(part) <= LONGEST else f"{part[: LONGEST - 2]} …" for part in parts]
    more = [f"+{len(settings) - NAMED}"] if len(settings) > NAMED else []
    return " ".join([family, *(parts or ["base"]), *more])


def _abbreviated(words: Sequence[str]) -> dict[str, str]:
    """Each in short; all in full where two would be alike."""
    brief = {word: _brief(word) for word in words}
    return brief if len(set(brief.values())) == len(brief) else dict(zip(words, words, strict=True))


def _brief(word: str) -> str:
    """`learning_rate` → `lr`, `convolutional` → `conv.`, and what is short or no word as it is."""
    if len(word) <= WORD or not word.replace("_", "").isalpha():
        return word
    return "".join(part[:1] for part in word.split("_")) if "_" in word else f"{word[:4]}."


def told_of_images(runs: Sequence[ReportedRun]) -> list[str]:
    """Sentences for a reader who takes one name of a data set for one set of images."""
    readable = [run for run in runs if not run.broken]
    words: dict[str, dict[str, None]] = {}
    for name, data in _data_of(readable):
        words.setdefault(name, {})[data] = None
    told = [
        f"Not all runs on {name} have seen the same images, so they are compared apart: {'; '.join(data)}."
        for name, data in words.items()
        if len(data) > 1
    ]
    silent = sum(run.images is None for run in readable)
    if 0 < silent < len(readable):
        told.append(
            f"{silent} of {len(readable)} runs are of an earlier version of genlab, which has not recorded the images: "
            "they are taken to be those of the other runs with the same data.root."
        )
    return told


def _data_of(runs: Sequence[ReportedRun]) -> list[tuple[str, str]]:
    """The name of each run's data set, and the data in words that differ where the images do.

    The images are known by their fingerprint, or else by `data.root`: a run of an earlier version has recorded no
    fingerprint, and is taken to have seen what others saw with its root.
    """
    places = [(run.listed.data or "unknown data", run.settings.get(ROOT)) for run in runs]
    recorded = {place: run.images for place, run in zip(places, runs, strict=True) if run.images}
    kinds = [(place[0], run.images or recorded.get(place, place[1])) for place, run in zip(places, runs, strict=True)]
    said: dict[tuple[str, str | None], str] = {}
    for run, (name, images) in zip(runs, kinds, strict=True):
        several = len({other for also, other in kinds if also == name}) > 1
        where = [f"data.root={run.settings.get(ROOT) or 'null'}", *([f"images {run.images[:8]}"] if run.images else [])]
        said.setdefault((name, images), f"{name} ({', '.join(where)})" if several else name)
    return [(kind[0], said[kind]) for kind in kinds]
