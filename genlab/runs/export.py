"""An export: the weights of a run for use elsewhere, with a card that says what they are.

    card.json             model, constructor arguments, metrics and their protocol, data and licence, versions, SHA-256
    weights.safetensors   or, in another format, a file for each part of the model
    config.yaml, summary.json, …   of the run, so that genlab reads a safetensors export as it reads a run folder

Nothing in it is code, and nothing is unpickled; classes that its config names are looked at as those of a run are.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genlab import __version__
from genlab.data.licences import licence
from genlab.errors import DiskError, RunError
from genlab.runs.atomic import write_json, write_text
from genlab.runs.membership import CARD, WEIGHTS
from genlab.runs.reading import Run, read_overrides
from genlab.runs.trust import read_text

FORMAT = 1  # of the card
LARGEST = 10_000_000  # bytes of a card; genlab's own have 5,000
OF_THE_RUN = ("metrics.csv", "times.csv")  # copied as they are: a report shows them
EVALUATION = "evaluation.json"  # too, if it is of these weights
OF_A_MACHINE = ("pid", "host")  # of a summary
PLACES = ("data.root=", "outputs=", "run_dir=", "hydra.")  # so begin overrides that name a place on it


@contextmanager
def new_export(folder: Path) -> Iterator[Path]:
    """A folder to write into, which gets the name of the export when the block ends without an error.

    RunError if there is something of that name, DiskError if it cannot be written.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RunError(f"{folder}: is there already; remove it, or name another folder with --out")
    made = [parent for parent in folder.parents if not parent.exists()]
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        staging.mkdir(parents=True)
        yield staging
        staging.replace(folder)
    except OSError as error:
        raise DiskError(f"{folder}: {error.strerror or error}; name another folder with --out") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):  # of those that hold the export
            for parent in made:
                parent.rmdir()


def write_weights(folder: Path, run: Run, model: LightningModule, checkpoint: str, half: bool = False) -> None:
    """Write a safetensors export into an empty folder.

    Args:
        checkpoint: name of the file that the model's weights come from.
        half: keep 16 bits of each number; RunError if one is too large for that.
    """
    state = model.state_dict()
    weights = {name: halved(value) if half else value.contiguous().clone() for name, value in state.items()}
    if half and not all(value.isfinite().all() for value in weights.values()):
        raise RunError("--half: a weight is above 65504, the largest number of 16 bits; leave it out")
    content = save(weights, metadata={"format": "pt"})
    (folder / WEIGHTS).write_bytes(content)
    kept = "16 bits of each number; the metrics are those of all 32" if half else "as they were trained"
    files = {WEIGHTS: {"sha256": hashlib.sha256(content).hexdigest(), "precision": kept}}
    write_card(folder, run, model, checkpoint, "safetensors", files)
    config: Any = OmegaConf.to_container(run.config)
    config["data"]["root"] = None  # a place on one machine, as are the other two
    config |= {"outputs": "outputs", "run_dir": "."}
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    typed = [text for text in read_overrides(run.folder) if not text.lstrip("+").startswith(PLACES)]
    write_text(folder / "overrides.yaml", yaml.safe_dump(typed))
    summary = {name: value for name, value in run.summary.items() if name not in OF_A_MACHINE}
    write_json(folder / "summary.json", summary)
    for name in (*OF_THE_RUN, *([EVALUATION] if _measured_on(run.folder / EVALUATION) == checkpoint else [])):
        if (run.folder / name).is_file():
            shutil.copyfile(run.folder / name, folder / name)


def _measured_on(evaluation: Path) -> str | None:
    """The checkpoint that an evaluation is of; None where there is none."""
    try:
        return str(json.loads(read_text(evaluation, LARGEST))["checkpoint"])
    except (RunError, ValueError, KeyError, TypeError):
        return None


def write_card(
    folder: Path, run: Run, model: LightningModule, checkpoint: str, kind: str, files: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write `card.json`; of each file there is what is to be known of it, with its `sha256`. See `write_weights`."""
    settings: Any = OmegaConf.to_container(run.config)
    summary, source = run.summary, str(settings["data"].get("name"))
    card = {
        "card": FORMAT,
        "format": kind,
        "model": type(model).__name__,
        "architecture": {
            "class": settings["model"].pop("_target_"),
            "arguments": {**settings["model"], **dict(model.hparams)},
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        },
        "files": files,
        "checkpoint": checkpoint,
        "trained": {name: summary.get(name) for name in ("epochs", "steps", "seed", "started", "training_seconds")},
        "metrics": summary.get("metrics", {}),
        "protocol": summary.get("protocol", {}),
        "data": {"name": source, "licence": licence(source), "images": summary.get("images")},
        "versions": {"genlab": __version__, "torch": version("torch"), "trained_with": summary.get("versions")},
    }
    write_json(folder / CARD, card)


def read_weights(path: Path) -> dict[str, Any]:
    """weights.safetensors of an export, as a checkpoint has weights; RunError if they are not what the card says."""
    try:
        card = json.loads(read_text(path.with_name(CARD), LARGEST))
        if card["card"] != FORMAT:
            raise RunError(
                f"{path.with_name(CARD)}: of format {card['card']!r:.20}, this is genlab {__version__} with format "
                f"{FORMAT}; install the version that wrote it"
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != card["files"][path.name]["sha256"]:
            raise RunError(f"{path}: damaged, its SHA-256 is not that of {CARD}; export it again")
        state = {name: whole(value) for name, value in load(content).items()}
        return {"genlab": {"model": str(card["model"])}, "state_dict": state}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        why = f"{type(error).__name__} {str(error)[:80]}"
        raise RunError(f"{path}: damaged, or {CARD} is none of genlab's ({why}); export the run again") from None


def halved(value: Tensor) -> Tensor:
    """A number with 16 bits, in a place of its own."""
    return (value.half() if value.is_floating_point() else value).detach().cpu().contiguous().clone()


def whole(value: Tensor) -> Tensor:
    """A number of 16 bits with all 32."""
    return value.float() if value.is_floating_point() and value.element_size() == 2 else value
