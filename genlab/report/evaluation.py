"""evaluation.json as plain data: what fits is taken, what does not is named."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlab.errors import RunError
from genlab.report.plain_values import number, table, text
from genlab.runs.trust import read_text

LARGEST = 10_000_000  # bytes; genlab's own have some thousands


@dataclass(frozen=True)
class Score:
    """One number and how it was measured.

    Attributes:
        value: finite.
        standard_error: over the images, None where it has none.
        floor: what training images reach against test images in the same protocol, None where it has none.
        unit: such as `nats per image`; empty for a pure number.
        better: `lower`, `higher` or empty where neither is.
        protocol: empty where it is not stated; such numbers are shown and never ranked.
    """

    value: float
    standard_error: float | None = None
    floor: float | None = None
    unit: str = ""
    better: str = ""
    protocol: str = ""


@dataclass(frozen=True)
class Points:
    """A score over something that was varied, as the number of importance samples.

    Attributes:
        x, unit, protocol: the name of what was varied; see `Score`.
        points: (x, value, standard error or None), by x.
    """

    x: str
    unit: str
    protocol: str
    points: list[tuple[float, float, float | None]]


@dataclass(frozen=True)
class Evaluation:
    """What `genlab evaluate` found.

    Attributes:
        features: the network in whose features samples were scored, in words; empty without one.
        feature_digest: the SHA-256 of its weights: scores of two networks do not compare.
        checkpoint: the file that was evaluated.
        scores, curves: by name.
        absent: name → why there is no such number.
        digits: `samples` and `test` → ten counts.
        memorisation: space → {"samples": distance, "test": distance}.
        verdict: on memorisation, in words.
        pictures: name → file in the run folder.
        cost: name → number.
        faults: what was in the file and could not be taken.
    """

    features: str = ""
    feature_digest: str = ""
    checkpoint: str = ""
    scores: dict[str, Score] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    curves: dict[str, Points] = field(default_factory=dict)
    digits: dict[str, list[float]] = field(default_factory=dict)
    memorisation: dict[str, dict[str, float]] = field(default_factory=dict)
    verdict: str = ""
    pictures: dict[str, Path] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def by_protocol(self) -> list[tuple[str, dict[str, Score]]]:
        """The scores in turn, those of one protocol that follow one another together."""
        together: list[tuple[str, dict[str, Score]]] = []
        for name, score in self.scores.items():
            if not together or together[-1][0] != score.protocol:
                together.append((score.protocol, {}))
            together[-1][1][name] = score
        return together


def read_evaluation(folder: Path) -> Evaluation | None:
    """evaluation.json of a run folder; None without one. A damaged file is an evaluation with one fault."""
    path = folder / "evaluation.json"
    if path.is_symlink():
        return Evaluation(faults=["evaluation.json is a link, which is not followed"])
    if not path.exists():
        return None
    try:
        content = json.loads(read_text(path, LARGEST))
    except (RunError, ValueError, RecursionError) as error:
        return Evaluation(faults=[f"evaluation.json cannot be read: {text(str(error))}"])
    if not isinstance(content, dict):
        return Evaluation(faults=["evaluation.json is no table of names and values"])
    return _evaluation(content, folder)


def _evaluation(content: dict[str, Any], folder: Path) -> Evaluation:
    faults: list[str] = []
    features, memorisation = table(content.get("features")), table(content.get("memorisation"))
    if not any(table(content.get(section)) for section in ("scores", "absent", "curves")):
        faults.append("evaluation.json has no scores that this version of genlab knows: genlab evaluate makes it anew")
    accuracy = number(features.get("test_accuracy"))
    words = text(features.get("name")) + (f", test accuracy {accuracy:.2%}" if accuracy is not None else "")
    distances = {
        space: {name: value for name, x in table(item).items() if (value := number(x)) is not None}
        for space, item in memorisation.items()
        if isinstance(item, dict)
    }
    return Evaluation(
        features=words,
        feature_digest=text(features.get("sha256")),
        checkpoint=text(content.get("checkpoint")),
        scores=_taken("scores", _score, content, faults),
        absent={name: text(why) or "no reason is stated" for name, why in table(content.get("absent")).items()},
        curves=_taken("curves", _points, content, faults),
        digits=_taken("digits", _counts, content, faults),
        memorisation={space: found for space, found in distances.items() if found},
        verdict=text(memorisation.get("verdict")),
        pictures={
            name: path
            for name, said in table(content.get("pictures")).items()
            if (path := _inside(folder, said)) is not None
        },
        cost=_taken("cost", number, content, faults),
        faults=faults,
    )


def _taken(section: str, take: Any, content: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    """The items of a section that `take` makes something of."""
    taken = {}
    for name, item in table(content.get(section)).items():
        found = take(item)
        if found is None:
            faults.append(f"{section}.{name} of evaluation.json is not what genlab writes, and is left out")
        else:
            taken[name] = found
    return taken


def _score(item: Any) -> Score | None:
    of = table(item)
    value = number(of.get("value"))
    if value is None:
        return None
    return Score(
        value,
        number(of.get("standard_error")),
        number(of.get("floor")),
        text(of.get("unit")),
        better if (better := text(of.get("better"))) in ("lower", "higher") else "",
        text(of.get("protocol")),
    )


def _points(item: Any) -> Points | None:
    of, points = table(item), []
    rows = of.get("points")
    for row in map(table, rows[:1000] if isinstance(rows, list) else []):
        x, value = number(row.get("x")), number(row.get("value"))
        if x is not None and value is not None:
            points.append((x, value, number(row.get("standard_error"))))
    if not points:
        return None
    return Points(text(of.get("x")), text(of.get("unit")), text(of.get("protocol")), sorted(points, key=lambda p: p[0]))


def _counts(item: Any) -> list[float] | None:
    if not isinstance(item, list) or len(item) != 10:
        return None
    counts = [count for x in item if (count := number(x)) is not None and count >= 0]
    return counts if len(counts) == 10 and sum(counts) > 0 else None


def _inside(folder: Path, said: Any) -> Path | None:
    """A file in the run folder, if that is where a path leads."""
    if not isinstance(said, str) or len(said) > 200 or "\0" in said:
        return None
    try:
        path = (folder / said).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
