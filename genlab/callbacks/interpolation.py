"""What lies between two latent points."""

from collections.abc import Callable

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanDecode, CanEncode, CanSample
from genlab.latents import linear_interpolation, spherical_interpolation


class Interpolation(Picture):
    """Rows of decode(z) for z on the way from one latent point to another.

    The ends are the codes of validation images where the model has `encode`, else points of N(0, I). The way is the
    great circle where the model can `sample`, so that its codes are meant to be N(0, I), else the straight line: a
    plain autoencoder's codes lie on no sphere.

    Args:
        every_n_epochs: see `Picture`.
        rows: paths.
        columns: points on each, the two ends included.
        seed: of the points where there is no `encode`.
    """

    tag = "interpolation"

    @checked
    def __init__(
        self,
        every_n_epochs: PositiveInt = 1,
        rows: PositiveInt = 8,
        columns: PositiveInt = 10,
        seed: NonNegativeInt = 0,
    ) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows
        self.columns = columns
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        decode: Callable[[Tensor], Tensor] | None = getattr(model, "decode", None)  # a flow's needs no latent_dim
        ends = None if decode is None else self._ends(trainer, model)
        if decode is None or ends is None:
            return None
        start, end = ends.chunk(2)
        between = spherical_interpolation if isinstance(model, CanSample) else linear_interpolation
        t = torch.linspace(0, 1, self.columns, device=ends.device, dtype=ends.dtype).view(-1, 1, 1)
        path = between(start.flatten(1), end.flatten(1), t)  # (columns, rows, D)
        return grid(decode(path.transpose(0, 1).reshape(-1, *ends.shape[1:])), self.columns)

    def _ends(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        """The starts of all rows, then their ends; (2 · rows, …)."""
        like = next(model.parameters())
        if isinstance(model, CanEncode):
            images, _ = first_validation_images(trainer, 2 * self.rows, model.device)
            return model.encode(images[: len(images) // 2 * 2].to(like))
        if isinstance(model, CanDecode):
            generator = torch.Generator().manual_seed(self.seed)
            return torch.randn(2 * self.rows, model.latent_dim, generator=generator).to(like)
        return None
