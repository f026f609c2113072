"""evaluation.json of a run folder: what fits the schema is taken, what does not is named."""

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from genlab.errors import RunError
from genlab.evaluation.scores import ByClass, Counts, Curve, Evaluation, Features, Score
from genlab.report.curves import Points
from genlab.report.plain_values import cleaned, number, table, text
from genlab.runs.trust import read_text

LARGEST = 10_000_000  # bytes; genlab's own have some thousands
SECTIONS: dict[str, TypeAdapter[Any]] = {
    "scores": TypeAdapter(Score),
    "absent": TypeAdapter(str),
    "curves": TypeAdapter(Curve),
    "classes": TypeAdapter(Counts),
    "by_class": TypeAdapter(ByClass),
    "confusion": TypeAdapter(Sequence[Counts]),
    "memorisation": TypeAdapter(dict[str, float | None] | str),
    "cost": TypeAdapter(float),
    "pictures": TypeAdapter(str),
}


def read_evaluation(folder: Path) -> Evaluation | None:
    """evaluation.json of a run folder; None without one. A damaged file is an evaluation with one fault.

    Pictures are those that lie in the folder, as absolute paths.
    """
    path = folder / "evaluation.json"
    if path.is_symlink():
        return Evaluation(faults=["evaluation.json is a link, which is not followed"])
    if not path.exists():
        return None
    try:
        content = cleaned(json.loads(read_text(path, LARGEST)))
    except (RunError, ValueError, RecursionError) as error:
        return Evaluation(faults=[f"evaluation.json cannot be read: {text(str(error))}"])
    if not isinstance(content, dict):
        return Evaluation(faults=["evaluation.json is no table of names and values"])
    return _evaluation(content, folder)


def by_protocol(evaluation: Evaluation) -> list[tuple[str, dict[str, Score]]]:
    """The scores in turn, those of one protocol that follow one another together."""
    groups = groupby(evaluation.scores.items(), lambda one: one[1].protocol)
    return [(protocol, dict(scores)) for protocol, scores in groups]


def points_of(curve: Curve) -> Points:
    """(x, value) of a curve, where the value is finite."""
    return sorted((point.x, point.value) for point in curve.points if point.value is not None)


def _evaluation(content: dict[str, Any], folder: Path) -> Evaluation:
    faults: list[str] = []
    if not any(table(content.get(section)) for section in ("scores", "absent", "curves")):
        faults.append("evaluation.json has no scores that this version of genlab knows: genlab evaluate makes it anew")
    found: dict[str, Any] = {section: {} for section in SECTIONS}
    for section, schema in SECTIONS.items():
        for name, item in table(content.get(section)).items():
            try:  # through JSON, in which a strict table may become a dataclass
                found[section][name] = schema.validate_json(json.dumps(item), strict=True)
            except ValidationError:
                faults.append(f"{section}.{name} of evaluation.json is not what genlab writes, and is left out")
    absent = {name: why or "no reason is stated" for name, why in found.pop("absent").items()}
    classes = {name: counts for name, counts in found.pop("classes").items() if sum(counts) > 0}
    pictures = {name: str(path) for name, said in found.pop("pictures").items() if (path := _inside(folder, said))}
    features = table(content.get("features"))
    return Evaluation(
        checkpoint=text(content.get("checkpoint")),
        quick=content.get("quick") is True,
        features=Features(
            text(features.get("name")), text(features.get("sha256")), number(features.get("test_accuracy"))
        ),
        absent=absent,
        classes=classes,
        pictures=pictures,
        faults=faults,
        **found,
    )


def _inside(folder: Path, said: str) -> Path | None:
    """A file in the run folder, if that is where a path leads."""
    try:
        path = (folder / said).resolve()
        return path if len(said) <= 200 and path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
