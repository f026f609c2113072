"""The variational autoencoder (Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014)."""

import logging
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from genlab.arguments import checked
from genlab.capabilities import Part, Pixels
from genlab.models.binarization import Binarization, binarize, binarize_afresh
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_normal, fixed_uniform
from genlab.networks import Activation, Architecture, ImageShape, image_decoder, image_encoder
from genlab.objectives import (
    bernoulli_log_likelihood,
    gaussian_kl,
    gaussian_log_density,
    importance_weighted_bound,
    pairwise_bernoulli_log_likelihood,
    standard_normal_log_density,
)

log = logging.getLogger(__name__)


class VAE(LightningModule):
    """p(x) = ∫ p(x|z) N(z; 0, I) dz, trained on ELBO(x) = E_q(z|x)[log p(x|z)] − KL(q(z|x) ‖ N(0, I)).

    q(z|x) = N(mu(x), diag exp log_var(x)); p(x|z) is Bernoulli in each pixel, with the decoder's outputs as logits.
    The incoming images are grey; `binarization` makes the binary x that the likelihoods are about.

    Args:
        latent_dim: D, the dimension of z.
        hidden_dims: widths of the encoder's hidden layers; the decoder has them in reverse.
        architecture: `convolutional` puts two convolutions in front of the hidden layers.
        activation: after each hidden layer.
        learning_rate: Adam's.
        learning_rate_schedule: `cosine` lowers it to 0 at the end of the run.
        beta: weight of the KL in the loss (Higgins et al. 2017, equation 4); `elbo` is logged without it.
        kl_warmup_epochs: beta grows linearly from 0 over these epochs (Bowman et al. 2016, section 3.1).
        importance_samples: k. 1 trains on the ELBO; more on the importance-weighted bound (Burda et al. 2015).
        binarization: `stochastic` draws x anew each time in training, `threshold` cuts at one half, `none` keeps the
            greys, and the bounds are then surrogates, which cannot be compared with any likelihood.
        image_shape: (C, H, W).
    """

    quantities = ("elbo", "reconstruction", "kl")  # the first is the headline of a run

    @checked
    def __init__(
        self,
        latent_dim: PositiveInt = 20,
        hidden_dims: Sequence[PositiveInt] = (500,),
        architecture: Architecture = "mlp",
        activation: Activation = "relu",
        learning_rate: PositiveFloat = 1e-3,
        learning_rate_schedule: Literal["constant", "cosine"] = "constant",
        beta: NonNegativeFloat = 1.0,
        kl_warmup_epochs: NonNegativeInt = 0,
        importance_samples: PositiveInt = 1,
        binarization: Binarization = "stochastic",
        image_shape: ImageShape = (1, 28, 28),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.latent_dim = latent_dim
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.beta = beta
        self.kl_warmup_epochs = kl_warmup_epochs
        self.importance_samples = importance_samples
        self.binarization = binarization
        self.encoder = image_encoder(architecture, image_shape, hidden_dims, 2 * latent_dim, activation)
        self.decoder = image_decoder(architecture, image_shape, hidden_dims, latent_dim, activation)

    # The two distributions

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """q(z|x): images (B, C, H, W) → mu, log_var, each (B, D)."""
        mu, log_var = self.encoder(x).chunk(2, dim=-1)
        return mu, log_var

    def logits(self, z: Tensor) -> Tensor:
        """p(x|z): latents (…, D) → logits of the pixels (…, C, H, W)."""
        return self.decoder(z.flatten(0, -2)).unflatten(0, z.shape[:-1])

    # The objective

    def bounds(self, x: Tensor, noise: Tensor, beta: float = 1.0) -> dict[str, Tensor]:
        """Return every bound and its parts for each image, in nats, from z = mu + exp(log_var / 2) · noise.

        Args:
            x: binary images (B, C, H, W).
            noise: N(0, I), (k, B, D).
            beta: weight of the KL in `objective`; in `elbo` it is 1.

        Returns:
            Each (B,). `elbo` = `reconstruction` − `kl`, where `reconstruction` is log p(x|z), averaged over the k
            samples, and `kl` the closed form; `objective` is what training maximises: the ELBO for k = 1, the
            importance-weighted bound for k > 1.
        """
        mu, log_var = self.posterior(x)
        z = mu + torch.exp(0.5 * log_var) * noise
        log_likelihood = bernoulli_log_likelihood(self.logits(z), x)
        reconstruction, kl = log_likelihood.mean(0), gaussian_kl(mu, log_var)
        if len(noise) == 1:
            objective = reconstruction - beta * kl
        else:
            log_ratio = standard_normal_log_density(z) - gaussian_log_density(z, mu, log_var)
            objective = importance_weighted_bound(log_likelihood + beta * log_ratio)
        return {
            "elbo": reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "objective": objective,
        }

    def log_weights(self, images: Tensor, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """log w = log p(x, z) − log q(z|x) for fresh z ~ q(z|x); grey images (B, C, H, W) → (samples, B), in nats.

        x is the one binarization that validation and test use.
        """
        x = self.observe(images)
        mu, log_var = self.posterior(x)
        noise = torch.randn(samples, *mu.shape, generator=generator).to(mu)
        z = mu + torch.exp(0.5 * log_var) * noise
        log_joint = bernoulli_log_likelihood(self.logits(z), x) + standard_normal_log_density(z)
        return log_joint - gaussian_log_density(z, mu, log_var)

    def conditional_log_likelihood(self, images: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) of every pair of a latent and an image: (B, C, H, W) and (M, D) → (M, B), in nats.

        x is the one binarization that validation and test use.
        """
        x = self.observe(images)
        return pairwise_bernoulli_log_likelihood(self.logits(z.to(x)), x)

    @property
    def pixels(self) -> Pixels:
        """The kind of x that the likelihoods are about."""
        kinds: dict[Binarization, Pixels] = {"stochastic": "binary", "threshold": "cut", "none": "grey"}
        return kinds[self.binarization]

    # Training, validation, test

    def observe(self, images: Tensor) -> Tensor:
        """Grey images → the x that the model explains: drawn afresh in training, else fixed for each image."""
        if self.binarization == "none":
            return images
        if self.binarization == "threshold":
            return binarize(images, torch.full_like(images, 0.5))
        if self.training:
            return binarize_afresh(images)
        return binarize(images, fixed_uniform(images, tuple(images.shape[1:])))

    def on_fit_start(self) -> None:
        if self.binarization == "none" and self.trainer.is_global_zero:
            log.warning(
                "model.binarization=none: grey pixels in a Bernoulli likelihood make elbo a surrogate; "
                "do not compare it with any likelihood"
            )

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        x = self.observe(batch[0])
        noise = torch.randn(self.importance_samples, len(x), self.latent_dim, device=x.device)
        bounds = {name: value.mean() for name, value in self.bounds(x, noise, self._beta(batch_idx)).items()}
        loss = -bounds.pop("objective")
        return {"loss": loss, **bounds}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", batch[0])

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", batch[0])

    def _evaluate(self, split: str, images: Tensor) -> None:
        bounds = self.bounds(self.observe(images), fixed_normal(images, (self.latent_dim,)).unsqueeze(0))
        del bounds["objective"]  # with one sample and beta 1 it is the ELBO
        log_means(self, split, {name: value.mean() for name, value in bounds.items()}, len(images))

    def step_constants(self, batch_idx: int) -> tuple[float]:
        """The weight of the KL."""
        return (self._beta(batch_idx),)

    def _beta(self, batch_idx: int) -> float:
        if not self.kl_warmup_epochs:
            return self.beta
        epoch = self.current_epoch + batch_idx / self.trainer.num_training_batches
        return self.beta * min(1.0, epoch / self.kl_warmup_epochs)

    def configure_optimizers(self) -> torch.optim.Optimizer | OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        return cosine_schedule(optimizer, self.trainer) if self.learning_rate_schedule == "cosine" else optimizer

    @property
    def protocol(self) -> dict[str, str]:
        """What each logged quantity of validation and test is."""
        x = {
            "stochastic": "drawn once for each image",
            "threshold": "cut at 0.5",
            "none": "grey, a surrogate",
        }
        return dict.fromkeys(self.quantities, f"nats per image; x {x[self.binarization]}")

    @property
    def estimators(self) -> dict[str, str]:
        """How they are estimated."""
        return dict.fromkeys(self.quantities, "estimate: one sample of z an image")

    # What the mathematics gives

    @property
    def parts(self) -> dict[str, Part]:
        """The two distributions: `encode` itself draws a binary image, which depends on the grey one's bytes."""
        x = {"stochastic": "binary, drawn from the grey image", "threshold": "binary, cut at 0.5", "none": "grey"}
        posterior = f"images x, {x[self.binarization]} → q(z|x) = N(mu, diag exp log_var)"
        return {
            "encoder": Part(self.posterior, "x", ("mu", "log_var"), posterior),
            "decoder": Part(self.decode, "z", ("images",), "z ~ N(0, I) → p(pixel = 1 | z), images in [0, 1]"),
        }

    def encode(self, images: Tensor) -> Tensor:
        """Grey images (B, C, H, W) → posterior means (B, D)."""
        return self.posterior(self.observe(images))[0]

    def decode(self, z: Tensor) -> Tensor:
        """Latents (…, D) → p(x_i = 1 | z), images in [0, 1] (…, C, H, W)."""
        return torch.sigmoid(self.logits(z))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Grey images → decode(encode(images))."""
        return self.decode(self.encode(images))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: the pixels' probabilities for z ~ N(0, I), which a CPU generator fixes."""
        return self.decode(torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters())))
