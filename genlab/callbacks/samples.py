"""Images from one fixed noise, and the time-lapse of samples."""

import torch
from PIL import Image
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, images_folder
from genlab.capabilities import CanSample
from genlab.pictures.grids import square_grid


class NoisePicture(Picture):
    """A grid of images from the same noise each time; a subclass makes them in `images`.

    Args:
        every_n_epochs: see `Picture`.
        n: how many images; a square number fills the grid.
        seed: of the noise.
    """

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 64, seed: NonNegativeInt = 0) -> None:
        super().__init__(every_n_epochs)
        self.n = n
        self.seed = seed

    def images(self, model: LightningModule, generator: torch.Generator) -> Tensor | None:
        """(n, C, H, W) in [0, 1], which the generator fixes; None if this model has none."""
        raise NotImplementedError

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        images = self.images(model, torch.Generator().manual_seed(self.seed))
        return None if images is None else square_grid(images)


class Samples(NoisePicture):
    """A grid of `sample(n)` from the same noise each time, and at the end `samples.gif`, one frame a picture."""

    tag = "samples"

    def images(self, model: LightningModule, generator: torch.Generator) -> Tensor | None:
        return model.sample(self.n, generator=generator) if isinstance(model, CanSample) else None

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pictures = sorted((images_folder(trainer) / self.tag).glob("epoch_*.png"))
        if not trainer.is_global_zero or not pictures:
            return
        frames = [Image.open(picture).convert("L") for picture in pictures]
        # about eight seconds in all, with a rest on the last frame
        milliseconds = [max(40, min(500, 8000 // len(frames)))] * (len(frames) - 1) + [2000]
        frames[0].save(
            images_folder(trainer) / f"{self.tag}.gif",
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
        )
