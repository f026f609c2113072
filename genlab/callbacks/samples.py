"""Samples from one fixed noise, and their time-lapse."""

import torch
from PIL import Image
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid, images_folder
from genlab.capabilities import CanSample


class Samples(Picture):
    """A grid of `sample(n)` from the same noise each time, and at the end `samples.gif`, one frame a picture.

    Args:
        every_n_epochs: see `Picture`.
        n: how many samples; a square number fills the grid.
        seed: of the noise.
    """

    tag = "samples"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 64, seed: NonNegativeInt = 0) -> None:
        super().__init__(every_n_epochs)
        self.n = n
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanSample):
            return None
        samples = model.sample(self.n, generator=torch.Generator().manual_seed(self.seed))
        return grid(samples, columns=max(1, round(self.n**0.5)))

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
