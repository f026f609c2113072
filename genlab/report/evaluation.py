"""evaluation.json of a run folder: what fits the schema is taken, what does not is named."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from genlab.errors import RunError
from genlab.evaluation.scores import ByClass, Counts, Curve, Evaluation, Features, Score
from genlab.report.plain_values import cleaned, table, text
from genlab.runs.trust import read_text

LARGEST = 10_000_000  # bytes; genlab's own have some thousands
SECTIONS: dict[str, TypeAdapter[Any]] = {
    "scores": TypeAdapter(Score),
    "absent": TypeAdapter(str),
    "curves": TypeAdapter(Curve),
    "classes": TypeAdapter(Counts),
    "by_class": TypeAdapter(ByClass),
    "confusion": TypeAdapter(Sequence[Counts]),
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
    together: list[tuple[str, dict[str, Score]]] = []
    for name, score in evaluation.scores.items():
        if not together or together[-1][0] != score.protocol:
            together.append((score.protocol, {}))
        together[-1][1][name] = score
    return together


def _evaluation(content: dict[str, Any], folder: Path) -> Evaluation:
    faults: list[str] = []
    if not any(table(content.get(section)) for section in ("scores", "absent", "curves")):
        faults.append("evaluation.json has no scores that this version of genlab knows: genlab evaluate makes it anew")
    found = {section: _taken(section, content, faults) for section in SECTIONS}
    curves = {name: replace(curve, points=known) for name, curve in found["curves"].items() if (known := _known(curve))}
    memorisation: dict[str, Any] = {}
    for space, item in table(content.get("memorisation")).items():
        words, distances = text(item), {name: x for name, x in table(item).items() if isinstance(x, float)}
        if found_there := words if space == "verdict" else distances:
            memorisation[space] = found_there
    return Evaluation(
        checkpoint=text(content.get("checkpoint")),
        quick=content.get("quick") is True,
        scores=found["scores"],
        absent={name: why or "no reason is stated" for name, why in found["absent"].items()},
        curves=curves,
        features=_one(TypeAdapter(Features), content.get("features")) or Features(),
        classes={name: counts for name, counts in found["classes"].items() if sum(counts) > 0},
        by_class=found["by_class"],
        confusion=found["confusion"],
        memorisation=memorisation,
        cost=found["cost"],
        pictures={name: str(path) for name, said in found["pictures"].items() if (path := _inside(folder, said))},
        faults=faults,
    )


def _taken(section: str, content: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    """The items of a section that are what the schema says."""
    taken = {}
    for name, item in table(content.get(section)).items():
        found = _one(SECTIONS[section], item)
        if found is None:
            faults.append(f"{section}.{name} of evaluation.json is not what genlab writes, and is left out")
        else:
            taken[name] = found
    return taken


def _one(adapter: TypeAdapter[Any], item: Any) -> Any:
    """None, if it does not fit. Through JSON, in which a strict table may become a dataclass."""
    try:
        return adapter.validate_json(json.dumps(item), strict=True)
    except ValidationError:
        return None


def _known(curve: Curve) -> list[Any]:
    return sorted((point for point in curve.points if point.value is not None), key=lambda point: point.x)


def _inside(folder: Path, said: str) -> Path | None:
    """A file in the run folder, if that is where a path leads."""
    try:
        path = (folder / said).resolve()
        return path if len(said) <= 200 and path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
