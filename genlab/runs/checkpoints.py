"""Checkpoint files: written whole or not at all, read without executing anything."""

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor
from torch.optim import Optimizer

from genlab import __version__
from genlab.errors import DiskError, RunError
from genlab.runs.archive import check_archive, check_size
from genlab.runs.atomic import whole_file
from genlab.runs.export import read_weights
from genlab.runs.membership import WEIGHTS

POSITIVE = ("step", "exp_avg_sq")  # what an optimizer keeps and is never negative
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

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a file; Lightning's own deletes folders too, and what lies on servers."""
        Path(path).unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return read_checkpoint(Path(path), map_location)


def mark(model: torch.nn.Module) -> dict[str, Any]:
    """What a checkpoint says about itself, under `genlab`."""
    return {"format": FORMAT, "version": __version__, "model": type(model).__name__}


def read_checkpoint(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """A checkpoint of genlab; RunError if it is missing, damaged, holds code, or is of another format."""
    try:
        check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd kinds of tensors, which are refused where they do not belong
            checkpoint = torch.load(path, map_location=device, weights_only=True)
        check_size(checkpoint)
        # plain dicts, because in a file that of OrderedDict can have attributes in the place of its methods
        checkpoint = dict(checkpoint)
        says = dict(checkpoint.get("genlab", {}))
        checkpoint["state_dict"] = dict(checkpoint.get("state_dict", {}))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); see to that, or use another checkpoint") from None
    except Exception as error:  # whatever bytes that somebody else has written lead torch to
        why = f"{type(error).__name__} {str(error)[:80]}"
        raise RunError(f"{path}: damaged, or it holds code, so it is not opened ({why}); use another") from None
    form, version, batches = (says.get(name) for name in ("format", "version", "batches"))
    if type(form) is int and form != FORMAT:
        raise RunError(
            f"{path}: written by genlab {version} in format {form}, this is genlab {__version__} with format "
            f"{FORMAT}; install that version to use it"
        )
    if type(form) is not int or type(batches) is not int or batches < 0:
        raise RunError(f"{path}: not a checkpoint of genlab; use another")
    return checkpoint


def load_weights(model: torch.nn.Module, path: Path, device: Any = "cpu") -> None:
    """Fill a model, built from its config, with the weights of a checkpoint, or with those of an export.

    RunError if the file is damaged, or of another model.
    """
    checkpoint = read_weights(path) if path.name == WEIGHTS else read_checkpoint(path, device)
    check_weights(model, checkpoint, path)
    model.load_state_dict(checkpoint["state_dict"])


def check_weights(model: torch.nn.Module, checkpoint: Mapping[str, Any], path: Path) -> None:
    """Raise RunError unless a checkpoint is one of this model; the first difference is named."""
    name = type(model).__name__
    if checkpoint["genlab"].get("model") != name:
        raise RunError(f"{path}: of a {checkpoint['genlab'].get('model')}, but config.yaml describes a {name}")
    there, here = checkpoint["state_dict"], model.state_dict()
    if there.keys() != here.keys():
        raise RunError(
            f"{path}: has not the weights of the {name} that config.yaml describes; a setting such as "
            "model.architecture differs"
        )
    for key, value in here.items():
        if not _is_finite_like(there[key], value):
            raise RunError(f"{path}: {key} is no finite tensor of {value.dtype}; use another checkpoint")
        if there[key].shape != value.shape:
            raise RunError(
                f"{path}: {key} has shape {tuple(there[key].shape)}, but the {name} that config.yaml describes has "
                f"{tuple(value.shape)}; a setting such as model.latent_dim differs"
            )


def check_counters(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Raise RunError if one of Lightning's counters is no whole number."""
    left = [("loops", checkpoint.get("loops"))]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
        elif not isinstance(value, list) and (not isinstance(value, int) or value < 0):
            raise RunError(f"{path}: {name} is {value!r:.50}, no counter; use another checkpoint")


def check_optimizers(optimizers: Sequence[Optimizer], checkpoint: Mapping[str, Any], path: Path) -> None:
    """Raise RunError unless these optimizers, which have not stepped yet, could have made the states in a checkpoint.

    A fused step writes as many numbers as the parameter has, wherever that leads: nothing is loaded before its kind and
    shape are those of a state that such an optimizer makes.
    """
    try:
        for optimizer, state in zip(optimizers, checkpoint["optimizer_states"], strict=True):
            twin = copy.deepcopy(optimizer)
            for parameter in [parameter for group in twin.param_groups for parameter in group["params"]]:
                parameter.grad = torch.zeros_like(parameter)
            twin.step()
            _check_state(state, twin.state_dict())
            twin.load_state_dict(copy.deepcopy(state))  # which it would step on otherwise
            twin.step()
    except Exception as error:  # whatever somebody else has written leads torch to
        why = f"{type(error).__name__}: {str(error)[:200]}"
        raise RunError(f"{path}: no states that the model's optimizers have made ({why}); use another") from None


def _check_state(given: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Check kind, shape and settings against those that the optimizer makes itself."""
    for one, other in zip(given["param_groups"], made["param_groups"], strict=True):
        for name in other.keys() & one.keys():  # what an older torch did not write, this one adds when it loads them
            here, there = one[name], other[name]
            scheduled = name == "lr" and isinstance(here, float) and math.isfinite(here) and here >= 0
            if not scheduled and (type(here) is not type(there) or here != there):
                raise ValueError(f"{name} is {here!r}")
    if made["state"] and not given["state"]:
        raise ValueError(f"it has not the moments of {len(made['state'])} parameters")
    for index, moments in given["state"].items():  # a parameter that had no gradient has none
        like = made["state"][index]
        if moments.keys() != like.keys() or not all(_is_moment(name, moments[name], like[name]) for name in like):
            raise ValueError(f"parameter {index} has not the {', '.join(like)} of such an optimizer")


def _is_moment(name: str, here: Any, like: Any) -> bool:
    if not isinstance(like, Tensor):
        return type(here) is type(like)
    if not _is_finite_like(here, like) or here.shape != like.shape or (name in POSITIVE and (here < 0).any()):
        return False
    # one place in memory for each element; a convolution's may be in the order of `channels_last`
    return here.is_contiguous() or (here.ndim == 4 and here.is_contiguous(memory_format=torch.channels_last))


def _is_finite_like(here: Any, like: Tensor) -> bool:
    """Whether it is a finite tensor of the same kind."""
    if not isinstance(here, Tensor) or here.is_nested or here.is_meta:
        return False
    return (here.dtype, here.layout) == (like.dtype, like.layout) and bool(here.isfinite().all())
