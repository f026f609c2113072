"""Images from one fixed noise, and the time-lapse of samples."""

from pathlib import Path

import torch
from PIL import Image
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import Picture
from genlab.capabilities import CanDecode, CanEncode, CanSample, draws_labels
from genlab.evaluation.ex_post import FIT_IMAGES, fit_ex_post
from genlab.pictures.grids import square_grid
from genlab.pictures.labels import captioned


@configured
class Samples(Picture):
    """A grid of `sample(n)` from the same noise each time, and at the end `samples.gif`, a labelled frame each.

    Args:
        n: how many images; a square number fills the grid.
        seed: of the noise.
    """

    tag = "samples"
    n: PositiveInt = 64
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        generator = torch.Generator().manual_seed(self.seed)
        return square_grid(model.sample(self.n, generator=generator)) if isinstance(model, CanSample) else None

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = Path(trainer.default_root_dir) / "images"
        pictures = sorted((folder / self.tag).glob("epoch_*.png"))
        if not trainer.is_global_zero or not pictures:
            return
        # grey has no palette to be chosen, so its frames are exact and small
        mode = "RGB" if trainer.datamodule.val_set.images.shape[1] == 3 else "L"  # type: ignore[attr-defined]
        frames = [
            captioned(Image.open(picture).convert(mode), f"epoch {int(picture.stem.removeprefix('epoch_'))}")
            for picture in pictures
        ]
        # about eight seconds in all, with a rest on the last frame
        milliseconds = [max(40, min(500, 8000 // len(frames)))] * (len(frames) - 1) + [2000]
        path = folder / f"{self.tag}.gif"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)


@configured
class PriorNoise(Picture):
    """A grid of decode(z), z ~ N(0, I), for models that decode and have no `sample`.

    For a VAE such noise is the prior, and the picture is that of its samples. A plain autoencoder has no prior: its
    codes lie elsewhere, and N(0, I) noise decodes to what nobody promised to be a digit.

    Args:
        n: how many images; a square number fills the grid.
        seed: of the noise.
    """

    tag = "decoded_noise"
    n: PositiveInt = 64
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanDecode) or isinstance(model, CanSample):
            return None
        z = torch.randn(self.n, model.latent_dim, generator=torch.Generator().manual_seed(self.seed))
        return square_grid(model.decode(z.to(next(model.parameters()))))


@configured
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
    every_n_epochs: int = Field(default=0, init=False)  # never, before the end
    components: NonNegativeInt = 10
    images: PositiveInt = FIT_IMAGES
    n: PositiveInt = 64
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not self.components or not isinstance(model, CanEncode) or not isinstance(model, CanDecode):
            return None
        if draws_labels(model):  # its codes depend on the label
            return None
        images = trainer.datamodule.train_set.images  # type: ignore[attr-defined]
        sampler = fit_ex_post(model, images, self.components, self.seed, most=self.images)
        return square_grid(sampler.sample(self.n, generator=torch.Generator().manual_seed(self.seed)))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._publish(trainer, pl_module, trainer.current_epoch)
