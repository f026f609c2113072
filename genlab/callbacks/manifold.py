"""What two latent dimensions decode to."""

from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.pictures.latent_space import manifold

CODES = 5000  # validation images whose codes give the quantiles


class Manifold(Picture):
    """The plane of two latents, decoded: see `manifold`.

    Args:
        every_n_epochs: see `Picture`.
        size: cells along each side.
    """

    tag = "manifold"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, size: PositiveInt = 20) -> None:
        super().__init__(every_n_epochs)
        self.size = size

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        return manifold(model, lambda: first_validation_images(trainer, CODES, model.device)[0], self.size)
