"""The deterministic autoencoder: a code for each image, and no distribution over codes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.arguments import checked
from genlab.models.evaluation_means import log_means
from genlab.networks import Architecture, ImageShape, image_decoder, image_encoder
from genlab.objectives import bernoulli_log_likelihood
from genlab.quantities import Quantity, quantity

ReconstructionLoss = Literal["bernoulli", "squared_error"]

UNITS = {"bernoulli": "nats per image", "squared_error": "squared grey levels (white is 1) per image"}


class Autoencoder(LightningModule):
    """x_hat = decode(encode(x)), trained only on the reconstruction error E(x, x_hat).

    Nothing makes the codes follow a distribution, so there is none to draw from: this model has no `sample` and no
    likelihood. `genlab.evaluation.ex_post` fits one to the codes afterwards.

    Args:
        latent_dim: D, the dimension of the code z.
        hidden_dims: widths of the encoder's hidden layers; the decoder has them in reverse.
        architecture: `convolutional` puts two convolutions in front of the hidden layers.
        reconstruction_loss: E, summed over the pixels. `bernoulli` is −Σ (x log x_hat + (1 − x) log(1 − x_hat)), the
            cross-entropy with the grey image; `squared_error` is Σ (x − x_hat)².
        learning_rate: Adam's.
        image_shape: (C, H, W).
    """

    quantities = ("reconstruction_error",)

    @checked
    def __init__(
        self,
        latent_dim: PositiveInt = 20,
        hidden_dims: Sequence[PositiveInt] = (500,),
        architecture: Architecture = "mlp",
        reconstruction_loss: ReconstructionLoss = "bernoulli",
        learning_rate: PositiveFloat = 1e-3,
        image_shape: ImageShape = (1, 28, 28),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.latent_dim = latent_dim
        self.reconstruction_loss = reconstruction_loss
        self.learning_rate = learning_rate
        self.encoder = image_encoder(architecture, image_shape, hidden_dims, latent_dim)
        self.decoder = image_decoder(architecture, image_shape, hidden_dims, latent_dim)

    def encode(self, images: Tensor) -> Tensor:
        """Grey images (B, C, H, W) → codes (B, D)."""
        return self.encoder(images)

    def logits(self, z: Tensor) -> Tensor:
        """Codes (…, D) → logits of the pixels' grey values (…, C, H, W)."""
        return self.decoder(z.flatten(0, -2)).unflatten(0, z.shape[:-1])

    def decode(self, z: Tensor) -> Tensor:
        """Codes (…, D) → images in [0, 1] (…, C, H, W): the sigmoid, under either loss."""
        return torch.sigmoid(self.logits(z))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Grey images → decode(encode(images))."""
        return self.decode(self.encode(images))

    def reconstruction_error(self, images: Tensor) -> Tensor:
        """E(x, x_hat) ≥ 0: grey images (B, C, H, W) → (B,), in `unit`."""
        logits = self.logits(self.encode(images))
        if self.reconstruction_loss == "bernoulli":
            return -bernoulli_log_likelihood(logits, images)
        return (torch.sigmoid(logits) - images).square().flatten(1).sum(1)

    # Training, validation, test

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        error = self.reconstruction_error(batch[0]).mean()
        return {"loss": error, "reconstruction_error": error}

    def step_constants(self, batch_idx: int) -> tuple[()]:
        """None."""
        return ()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", batch[0])

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", batch[0])

    def _evaluate(self, split: str, images: Tensor) -> None:
        error = self.reconstruction_error(images).mean()
        log_means(self, split, {"reconstruction_error": error}, len(images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)

    @property
    def described(self) -> tuple[Quantity, ...]:
        """With the unit of the loss."""
        return (replace(quantity("reconstruction_error"), unit=UNITS[self.reconstruction_loss]),)

    @property
    def protocol(self) -> dict[str, str]:
        """How the logged quantity of validation and test is measured."""
        measure = {"bernoulli": "cross-entropy", "squared_error": "squared error"}[self.reconstruction_loss]
        unit = UNITS[self.reconstruction_loss]
        return {"reconstruction_error": f"{unit}; {measure} with the grey image, summed over its pixels"}
