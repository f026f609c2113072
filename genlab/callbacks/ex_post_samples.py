"""Samples of a density that is fitted to the codes after training."""

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture
from genlab.capabilities import CanDecode, CanEncode
from genlab.evaluation.ex_post import FIT_IMAGES, fit_ex_post
from genlab.pictures.grids import square_grid


class ExPostSamples(Picture):
    """One grid of decode(z), z from a mixture of Gaussians fitted to the codes of training images.

    Drawn once, at the end of the test, so by the weights that the test's numbers speak of.

    Args:
        components: of the mixture: 1 is a Gaussian, 0 draws nothing.
        images: training images that the density is fitted to, taken evenly from all.
        n: how many samples; a square number fills the grid.
        seed: of the fit and of the noise.
    """

    tag = "ex_post_samples"

    @checked
    def __init__(
        self,
        components: NonNegativeInt = 10,
        images: PositiveInt = FIT_IMAGES,
        n: PositiveInt = 64,
        seed: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.components = components
        self.images = images
        self.n = n
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not self.components or not isinstance(model, CanEncode) or not isinstance(model, CanDecode):
            return None
        images = trainer.datamodule.train_set.images  # type: ignore[attr-defined]
        sampler = fit_ex_post(model, images, self.components, self.seed, most=self.images)
        return square_grid(sampler.sample(self.n, generator=torch.Generator().manual_seed(self.seed)))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is fitted before the end."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nor between."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._publish(trainer, pl_module, trainer.current_epoch)
