"""What each latent does."""

from typing import Annotated

from pydantic import Field, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.pictures.latent_space import traversals


class Traversals(Picture):
    """One latent at a time is moved, from the code of a validation image: see `traversals`.

    Args:
        every_n_epochs: see `Picture`.
        rows, steps: see `traversals`.
        images: validation images, by whose codes the latents are measured.
    """

    tag = "traversals"

    @checked
    def __init__(
        self,
        every_n_epochs: PositiveInt = 1,
        rows: PositiveInt = 20,
        steps: PositiveInt = 5,
        images: Annotated[int, Field(ge=2)] = 200,
    ) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows
        self.steps = steps
        self.images = images

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        def images() -> Tensor:
            return first_validation_images(trainer, self.images, model.device)[0]

        return traversals(model, images, self.rows, self.steps)
