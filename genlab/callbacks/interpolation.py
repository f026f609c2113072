"""What lies between two latent points."""

from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.pictures.latent_space import interpolation_strips


class Interpolation(Picture):
    """Paths between the codes of validation images, or between noise: see `interpolation_strips`.

    Args:
        every_n_epochs: see `Picture`.
        rows, columns, seed: see `interpolation_strips`.
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

        return interpolation_strips(model, images, self.rows, self.columns, self.seed)
