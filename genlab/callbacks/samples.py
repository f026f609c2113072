"""Samples from one fixed noise, and their time-lapse."""

import torch
from PIL import Image
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.callbacks.noise_picture import NoisePicture
from genlab.callbacks.picture import images_folder
from genlab.capabilities import CanSample


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
