"""What lies between two latent points."""

from collections.abc import Callable

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.latent_points import latent_points
from genlab.callbacks.picture import Picture, grid
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanSample
from genlab.pictures.latents import linear_interpolation, spherical_interpolation


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
        def images() -> Tensor:
            return first_validation_images(trainer, 2 * self.rows, model.device)[0]

        return draw_paths(model, images, self.rows, self.columns, self.seed)


def draw_paths(
    model: LightningModule, images: Callable[[], Tensor], rows: int, columns: int, seed: int
) -> Tensor | None:
    """The picture of `Interpolation`, (C, H, W) in [0, 1]; None if the model has no latent space.

    Args:
        model: in evaluation mode.
        images: gives (2 · rows, C, H, W) in [0, 1], or fewer for fewer rows; asked where the model has `encode`. Path
            i leads from the code of image i to that of image i + rows.
        rows, columns, seed: see `Interpolation`.
    """

    def noise(latent_dim: int) -> Tensor:
        return torch.randn(2 * rows, latent_dim, generator=torch.Generator().manual_seed(seed))

    points = latent_points(model, images, noise)
    if points is None:
        return None
    ends, decode = points
    start, end = ends[: len(ends) // 2 * 2].chunk(2)
    between = spherical_interpolation if isinstance(model, CanSample) else linear_interpolation
    t = torch.linspace(0, 1, columns, device=ends.device, dtype=ends.dtype).view(-1, 1, 1)
    path = between(start.flatten(1), end.flatten(1), t)  # (columns, rows, D)
    return grid(decode(path.transpose(0, 1).reshape(-1, *ends.shape[1:])), columns)
