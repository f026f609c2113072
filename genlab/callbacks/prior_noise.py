"""What N(0, I) noise decodes to, where the model never promised it to be a digit."""

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.callbacks.samples import NoisePicture
from genlab.capabilities import CanDecode, CanSample


class PriorNoise(NoisePicture):
    """A grid of decode(z), z ~ N(0, I), for models that decode and have no `sample`.

    For a VAE such noise is the prior, and the picture is that of its samples. A plain autoencoder has no prior: its
    codes lie elsewhere, and this is the picture of it.
    """

    tag = "decoded_noise"

    def images(self, model: LightningModule, generator: torch.Generator) -> Tensor | None:
        if not isinstance(model, CanDecode) or isinstance(model, CanSample):
            return None
        z = torch.randn(self.n, model.latent_dim, generator=generator)
        return model.decode(z.to(next(model.parameters())))
