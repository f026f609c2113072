"""A model of another package is tried once before training: what it lacks is told now, and not after an epoch."""

from collections.abc import Callable, Sequence

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.callbacks.picture import undisturbed
from genlab.capabilities import CanDecode, CanEncode, CanReconstruct, CanSample
from genlab.errors import ConfigError

STEPS = ("training_step", "validation_step", "test_step", "configure_optimizers")


def check_promises(model: LightningModule, target: str, image_shape: Sequence[int]) -> None:
    """Raise ConfigError unless a model has what training needs, and gives what `genlab.capabilities` says it can.

    Those of genlab's own are not looked at. `image_shape` is (C, H, W).
    """
    if target.startswith("genlab."):
        return
    if not getattr(model, "quantities", None):
        raise ConfigError(f"model._target_={target}: has no quantities; see Reports in genlab.capabilities")
    lacks = [name for name in STEPS if getattr(type(model), name) is getattr(LightningModule, name)]
    if lacks:
        raise ConfigError(f"model._target_={target}: has no {' and no '.join(lacks)}; see docs/extending.md")
    images = (2, *image_shape)
    with undisturbed(model):
        if isinstance(model, CanSample):
            sample = model.sample
            _try(target, "sample(2, generator)", lambda: sample(2, generator=torch.Generator()), images)
        if isinstance(model, CanEncode):
            encode = model.encode
            _try(target, f"encode of {images}", lambda: encode(torch.rand(images)), (2, None))
        if isinstance(model, CanDecode):
            decode, codes = model.decode, (2, model.latent_dim)
            _try(target, f"decode of {codes}", lambda: decode(torch.zeros(codes)), images)
        if isinstance(model, CanReconstruct):
            reconstruct = model.reconstruct
            _try(target, f"reconstruct of {images}", lambda: reconstruct(torch.rand(images)), images)


def _try(target: str, what: str, call: Callable[[], Tensor], shape: Sequence[int | None]) -> None:
    """Whatever a user's method leads to is told under its name."""
    wanted = f"({', '.join('D' if size is None else str(size) for size in shape)})"
    try:
        given = call()
        sizes = tuple(given.shape)
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ConfigError(f"model._target_={target}: {what} fails ({why}); it should give {wanted}") from error
    if len(sizes) != len(shape) or any(size not in (None, found) for size, found in zip(shape, sizes, strict=True)):
        raise ConfigError(f"model._target_={target}: {what} gives {sizes}; it should give {wanted}")
