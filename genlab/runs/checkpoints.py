"""Checkpoint files: written whole or not at all, read without executing anything."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from genlab import __version__
from genlab.errors import DiskError, RunError
from genlab.runs.atomic import whole_file

FORMAT = 1  # of checkpoint["genlab"] and of all that callbacks put into a checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to the disk, renames; reads with `weights_only=True`, whoever asks."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        target = Path(path)
        try:
            with whole_file(target) as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:
            # torch's own writer turns a full disk into a RuntimeError
            cause = error if isinstance(error, OSError) else error.__context__
            if isinstance(cause, OSError):
                raise DiskError(
                    f"{target}: {cause.strerror}; the checkpoint before it is whole. Make room, then resume the run"
                ) from None
            raise

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return read_checkpoint(Path(path), map_location)


def mark(model: torch.nn.Module) -> dict[str, Any]:
    """What a checkpoint says about itself, under `genlab`."""
    return {"format": FORMAT, "version": __version__, "model": type(model).__name__}


def read_checkpoint(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """A checkpoint of genlab.

    Raises:
        RunError: it is missing, damaged, holds code, or was not made by a genlab that this one understands.
    """
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise RunError(f"{path}: no such checkpoint") from None
    except pickle.UnpicklingError:
        raise RunError(f"{path}: damaged, or it holds code, so it is not opened; genlab writes neither") from None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise RunError(f"{path}: damaged ({' '.join(str(error).split())[:80]}); use another checkpoint") from None
    says = checkpoint.get("genlab") if isinstance(checkpoint, dict) else None
    if not isinstance(says, dict):
        raise RunError(f"{path}: not a checkpoint of genlab")
    if says.get("format") != FORMAT:
        raise RunError(
            f"{path}: written by genlab {says.get('version')} in format {says.get('format')}, this is genlab "
            f"{__version__} with format {FORMAT}; install that version to use it"
        )
    return checkpoint


def load_weights(model: torch.nn.Module, path: Path, device: Any = "cpu") -> None:
    """Fill a model, built from its config, with the weights of a checkpoint.

    Raises:
        RunError: see `read_checkpoint`; or it is a checkpoint of another model or of another size.
    """
    checkpoint = read_checkpoint(path, device)
    check_weights(model, checkpoint, path)
    model.load_state_dict(checkpoint["state_dict"])


def check_weights(model: torch.nn.Module, checkpoint: Mapping[str, Any], path: Path) -> None:
    """That a checkpoint is one of this model.

    Raises:
        RunError: it is not; the first difference is named.
    """
    name = type(model).__name__
    if checkpoint["genlab"].get("model") != name:
        raise RunError(f"{path}: of a {checkpoint['genlab'].get('model')}, but config.yaml describes a {name}")
    there, here = checkpoint.get("state_dict"), model.state_dict()
    if not isinstance(there, dict) or there.keys() != here.keys():
        raise RunError(f"{path}: has not the weights of the {name} that config.yaml describes")
    for key, value in here.items():
        if there[key].shape != value.shape:
            raise RunError(
                f"{path}: {key} has shape {tuple(there[key].shape)}, but the {name} that config.yaml describes has "
                f"{tuple(value.shape)}; a setting such as model.latent_dim differs"
            )
