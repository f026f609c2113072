"""Where the digits lie in two latent dimensions."""

from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import CanEncode
from genlab.pictures.figures import code_scatter


class CodeScatter(Picture):
    """The codes encode(x) of validation images in the plane (posterior means for a VAE), coloured by digit.

    Args:
        every_n_epochs: see `Picture`.
        n: how many images.
    """

    tag = "codes"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 5000) -> None:
        super().__init__(every_n_epochs)
        self.n = n

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanEncode) or getattr(model, "latent_dim", None) != 2:
            return None
        images, labels = first_validation_images(trainer, self.n, model.device)
        return code_scatter(model.encode(images.to(next(model.parameters()))), labels)
