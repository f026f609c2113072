"""`snapshots/` of a run folder: the weights of some epochs of its training, with 16 bits of each number."""

import re
from pathlib import Path

from pytorch_lightning import LightningModule
from safetensors import SafetensorError
from safetensors.torch import load, save

from genlab.errors import RunError
from genlab.runs.atomic import whole_file
from genlab.runs.checkpoints import check_weights
from genlab.runs.export import halved, whole

FOLDER = "snapshots"


def write_snapshot(folder: Path, epoch: int, model: LightningModule) -> None:
    """Write `snapshots/epoch_0003.safetensors` below a run folder."""
    with whole_file(folder / FOLDER / f"epoch_{epoch:04d}.safetensors") as file:
        file.write(save({name: halved(value) for name, value in model.state_dict().items()}))


def snapshots(folder: Path) -> dict[int, Path]:
    """Epoch → file, in their order; epoch 0 is before training."""
    files = (folder / FOLDER).glob("epoch_*.safetensors")
    found = {int(name[1]): file for file in files if (name := re.fullmatch(r"epoch_(\d{1,7})", file.stem))}
    return dict(sorted(found.items()))


def load_snapshot(model: LightningModule, path: Path) -> None:
    """Fill a model with the weights of an epoch; RunError if the file is damaged, or of another model."""
    try:
        state = {name: whole(value) for name, value in load(path.read_bytes()).items()}
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path}: no snapshot of genlab's ({str(error)[:200]}); remove it") from None
    check_weights(model, {"genlab": {"model": type(model).__name__}, "state_dict": state}, path)
    model.load_state_dict(state)
