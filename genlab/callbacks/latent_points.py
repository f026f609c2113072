"""Points of the latent space that a picture starts from."""

from collections.abc import Callable

from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.capabilities import CanDecode, CanEncode


def latent_points(
    model: LightningModule, images: Callable[[], Tensor], otherwise: Callable[[int], Tensor]
) -> tuple[Tensor, Callable[[Tensor], Tensor]] | None:
    """Points, and the `decode` that makes images of them; None if this model has no latent space.

    Args:
        model: the points are encode(images) where it has `encode`.
        images: gives (B, C, H, W) in [0, 1]; asked where they are needed.
        otherwise: makes the points of a model that only decodes, from its `latent_dim`.

    Returns:
        The points in the model's own shape, on its device and in its type.
    """
    decode: Callable[[Tensor], Tensor] | None = getattr(model, "decode", None)  # with codes it needs no latent_dim
    if decode is None:
        return None
    if isinstance(model, CanEncode):
        return model.encode(images().to(next(model.parameters()))), decode
    if isinstance(model, CanDecode):
        return otherwise(model.latent_dim).to(next(model.parameters())), decode
    return None
