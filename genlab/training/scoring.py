"""A trained model → evaluation.json in its run folder, and the table of it."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torchvision.utils import save_image

from genlab import __version__
from genlab.callbacks.picture import undisturbed
from genlab.capabilities import parameters_of
from genlab.console.pulse import Pulse
from genlab.console.readable import aligned, duration
from genlab.data.datamodule import ImageDataModule
from genlab.errors import RunError
from genlab.evaluation.evaluate import evaluate, expected_seconds
from genlab.evaluation.feature_network import space_of
from genlab.evaluation.scores import Evaluation
from genlab.evaluation.settings import EvaluationSettings
from genlab.pictures.grids import image_grid
from genlab.runs.atomic import whole_file, write_json
from genlab.runs.trust import read_text
from genlab.training.quick_cpu import flushed_denormals

FILE = "evaluation.json"
LARGEST = 10_000_000  # bytes; genlab's own have some thousands
PICTURE = Path("images") / "closest_pairs.png"


def evaluate_run(
    folder: Path,
    model: LightningModule,
    data: ImageDataModule,
    checkpoint: str,
    summary: Mapping[str, Any],
    settings: EvaluationSettings,
    quick: bool = False,
    announced: bool = False,
) -> dict[str, Any]:
    """Evaluate, write `evaluation.json` and the picture of the closest pairs, and return what the file holds.

    A progress bar shows itself on a terminal; elsewhere each half minute there is a line.

    Args:
        folder: of the run.
        model: with the weights of the checkpoint, which is the name of a file.
        data: set up.
        summary: of the run, for what training has cost.
        quick: a first answer, which is labelled as such and replaces no other.
        announced: whether to estimate before how long it will take.

    Raises:
        NonFiniteError: samples are no numbers.
    """
    started = time.perf_counter()
    console = Console(stderr=True)
    columns = TextColumn("{task.description:32}"), BarColumn(), TimeRemainingColumn()
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        undisturbed(model),
        flushed_denormals(),
    ):
        images = data.train_set.images, data.test_set.images
        labels = data.train_set.labels, data.test_set.labels
        space = space_of(data)
        seconds = expected_seconds(model, space, *images, settings, labels) if announced and not quick else None
        if seconds is not None:
            print(f"evaluation   takes about {duration(seconds)}; --quick gives a first answer", flush=True)
        track = progress.track if console.is_terminal else Pulse().track
        found = evaluate(model, space, *images, settings, track, labels)
    drawn, trained = found.scores.get("samples_per_second"), summary.get("training_seconds")
    images_seen = summary.get("training_images")
    cost = {
        "parameters": parameters_of(model),
        "training_seconds": trained,
        "images_per_second": round(images_seen / trained, 1) if trained and images_seen else None,
        "samples_per_second": None if drawn is None else drawn.value,
        "evaluation_seconds": round(time.perf_counter() - started, 1),
    }
    found |= Evaluation(
        genlab=__version__,
        model=type(model).__name__,
        data=data.source,
        seed=summary.get("seed"),
        checkpoint=checkpoint,
        quick=quick,
        cost={name: value for name, value in cost.items() if value is not None},
    )
    if quick and _is_whole(folder / FILE):
        return found.plain()
    if found.pairs:
        rows = torch.cat([part for pairs in found.pairs for part in pairs])
        with whole_file(folder / PICTURE) as file:
            save_image(image_grid(rows, columns=found.pairs[0].shape[1], scale=3), file, format="png")
        found.pictures["closest_pairs"] = PICTURE.as_posix()
    evaluation = found.plain()
    write_json(folder / FILE, evaluation)
    return evaluation


def _is_whole(path: Path) -> bool:
    """Whether there is an evaluation that is no quick one."""
    try:
        return path.exists() and not json.loads(read_text(path, LARGEST)).get("quick")
    except (RunError, ValueError, AttributeError, RecursionError):
        return False


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """The table: a line a score, then what there is not, and why."""
    if evaluation.get("quick"):
        print("quick: a first answer by fewer images and samples, which compares with no full evaluation")
    rows = [("score", "value", "floor", "unit, and which way is better")]
    for name, score in evaluation["scores"].items():
        value = _number(score["value"])
        if "standard_error" in score:
            value += f" ± {_number(score['standard_error'])}"
        floor = _number(score["floor"]) if "floor" in score else ""
        way = f"{score['better']} is better" if "better" in score else ""
        reported = score.get("published")
        published = f"published: {_number(reported) if isinstance(reported, float) else reported}" if reported else ""
        how = score.get("estimator", "").partition(":")[0]
        rows.append((name, value, floor, ", ".join(filter(None, [how, score["unit"], way, published]))))
    print("\n".join(aligned(rows, right=("value", "floor"))))
    for why in dict.fromkeys(evaluation["absent"].values()):
        names = [name for name, reason in evaluation["absent"].items() if reason == why]
        print(f"no {', '.join(names)}: {why}")
    for name, found in evaluation.get("by_class", {}).items():
        shares = [f"{label}: {'-' if value is None else _number(value)}" for label, value in enumerate(found["values"])]
        print(f"{name} by class   {'   '.join(shares)}")
    for name, curve in evaluation["curves"].items():
        if len(curve["points"]) > 1:
            points = "   ".join(f"{point['x']}: {_number(point['value'])}" for point in curve["points"])
            print(f"{name} over {curve['x']}   {points}")
    if "memorisation" in evaluation:
        print(f"memorisation: {evaluation['memorisation']['verdict']}")


def _number(value: float) -> str:
    """Five significant digits, of large numbers no fraction."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"
