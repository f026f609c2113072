"""Pictures of a latent space: what its points decode to, and where the digits lie in it."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import CanEncode
from genlab.pictures.figures import code_scatter
from genlab.pictures.latent_space import Images, interpolation_strips, manifold, told, traversals

CODES = 5000  # validation images whose codes give the quantiles of a manifold


@configured
class CodeScatter(Picture):
    """The codes encode(x) of validation images in the plane (posterior means for a VAE), coloured by digit.

    Args:
        n: how many images.
    """

    tag = "codes"
    n: PositiveInt = 5000

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanEncode) or getattr(model, "latent_dim", None) != 2:
            return None
        images, labels = first_validation_images(trainer, self.n, model.device)
        codes = told(model, "encode", images.to(next(model.parameters())), labels.to(model.device))
        return code_scatter(codes, labels)


@configured
class Manifold(Picture):
    """The plane of two latents, decoded: see `manifold`.

    Args:
        size: cells along each side.
    """

    tag = "manifold"
    size: PositiveInt = 20

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        return manifold(model, _images(trainer, CODES, model), self.size)


@configured
class Interpolation(Picture):
    """Paths between the codes of validation images, or between noise: see `interpolation_strips`.

    Args:
        rows, columns, seed: see `interpolation_strips`.
    """

    tag = "interpolation"
    rows: PositiveInt = 8
    columns: PositiveInt = 10
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        return interpolation_strips(model, _images(trainer, 2 * self.rows, model), self.rows, self.columns, self.seed)


@configured
class Traversals(Picture):
    """One latent at a time is moved, from the code of a validation image: see `traversals`.

    Args:
        rows, steps: see `traversals`.
        images: validation images, by whose codes the latents are measured.
    """

    tag = "traversals"
    rows: PositiveInt = 10
    steps: PositiveInt = 5
    images: Annotated[int, Field(ge=2)] = 200

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        return traversals(model, _images(trainer, self.images, model), self.rows, self.steps)


def _images(trainer: Trainer, n: int, model: LightningModule) -> Images:
    return lambda: first_validation_images(trainer, n, model.device)
