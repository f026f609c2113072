"""The variational autoencoder (Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014)."""

import logging
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from genlab.arguments import checked
from genlab.capabilities import Part, Pixels
from genlab.models.binarization import Binarization, binarize, binarize_afresh
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_normal, fixed_uniform
from genlab.models.labels import LabelDropout, LabelledModel, repeated
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

CLASSIFYING = 10  # latents an image and a label, where p(x | y) is estimated of all labels


class VAE(LabelledModel):
    """p(x) = ∫ p(x|z) N(z; 0, I) dz, trained on ELBO(x) = E_q(z|x)[log p(x|z)] − KL(q(z|x) ‖ N(0, I)).

    q(z|x) = N(mu(x), diag exp log_var(x)); p(x|z) is Bernoulli in each pixel, with the decoder's outputs as logits.
    The incoming images are grey; `binarization` makes the binary x that the likelihoods are about.

    A conditional one has p(x|z, y) and q(z|x, y) for the label y (Kingma et al. 2014, section 2.1; Sohn et al. 2015).
    Its ELBO is that of log p(x, y) = log p(x|y) + log p(y), which is a bound of log p(x) too: log p(y) is in its KL, as
    that of (z, y) with the y that is known.

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
        conditional, label_dropout, num_classes: see `LabelledModel`.
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
        conditional: bool = False,
        label_dropout: LabelDropout = 0.0,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        super().__init__(conditional, num_classes, label_dropout)
        self.save_hyperparameters()
        self.latent_dim = latent_dim
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.beta = beta
        self.kl_warmup_epochs = kl_warmup_epochs
        self.importance_samples = importance_samples
        self.binarization = binarization
        classes = self.classes_told
        self.encoder = image_encoder(architecture, image_shape, hidden_dims, 2 * latent_dim, activation, classes)
        self.decoder = image_decoder(architecture, image_shape, hidden_dims, latent_dim, activation, classes)

    # The two distributions

    def posterior(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q(z|x, y): images (B, C, H, W), labels (B,) → mu, log_var, each (B, D). None is the null label."""
        mu, log_var = self.encoder(x, labels).chunk(2, dim=-1)
        return mu, log_var

    def logits(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """p(x|z, y): latents (…, B, D), labels (B,) → logits of the pixels (…, B, C, H, W). None is the null label."""
        return self.decoder(z.flatten(0, -2), repeated(labels, z.shape[:-1])).unflatten(0, z.shape[:-1])

    # The objective

    def bounds(self, x: Tensor, noise: Tensor, beta: float = 1.0, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Return every bound and its parts for each image, in nats, from z = mu + exp(log_var / 2) · noise.

        Args:
            x: binary images (B, C, H, W).
            noise: N(0, I), (k, B, D).
            beta: weight of the KL in `objective`; in `elbo` it is 1.
            labels: (B,), of a conditional model; None is the null label.

        Returns:
            Each (B,). `elbo` = `reconstruction` − `kl`, where `reconstruction` is log p(x|z), averaged over the k
            samples, and `kl` the closed form, with labels plus −log p(y); `objective` is what training maximises: the
            ELBO for k = 1, the importance-weighted bound for k > 1.
        """
        mu, log_var = self.posterior(x, labels)
        z = mu + torch.exp(0.5 * log_var) * noise
        log_likelihood = bernoulli_log_likelihood(self.logits(z, labels), x)
        reconstruction, kl = log_likelihood.mean(0), gaussian_kl(mu, log_var)
        if labels is not None:
            kl = kl - self.log_prior(labels)
        if len(noise) == 1:
            objective = reconstruction - beta * kl
        else:
            log_ratio = standard_normal_log_density(z) - gaussian_log_density(z, mu, log_var)
            log_ratio = self.joint(log_ratio, labels)
            objective = importance_weighted_bound(log_likelihood + beta * log_ratio)
        return {
            "elbo": reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "objective": objective,
        }

    def log_weights(
        self, images: Tensor, samples: int, generator: torch.Generator | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """log w = log p(x, z) − log q(z|x) for fresh z ~ q(z|x); grey images (B, C, H, W) → (samples, B), in nats.

        x is the one binarization that validation and test use. With labels (B,) of p(x|y); without, of a conditional
        model, Σ_y p(y) w(y), whose mean is p(x) too.
        """
        x = self.observe(images)
        noise = torch.randn(samples, len(x), self.latent_dim, generator=generator).to(x)
        return self.over_labels(len(x), lambda labels: self._log_weights(x, noise, labels), labels)

    def _log_weights(self, x: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        mu, log_var = self.posterior(x, labels)
        z = mu + torch.exp(0.5 * log_var) * noise.to(mu)
        log_joint = bernoulli_log_likelihood(self.logits(z, labels), x) + standard_normal_log_density(z)
        return log_joint - gaussian_log_density(z, mu, log_var)

    def log_likelihood_by_class(self, images: Tensor) -> Tensor:
        """log p(x|y) for all y, in nats: (B, C, H, W) → (B, num_classes), the importance-weighted bound.

        x is the one binarization that validation and test use, and so are the latents' draws, alike for all y.
        """
        x, noise = self.observe(images), fixed_normal(images, (CLASSIFYING, self.latent_dim)).transpose(0, 1)
        return self.of_each_label(len(x), lambda labels: importance_weighted_bound(self._log_weights(x, noise, labels)))

    def conditional_log_likelihood(self, images: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) of every pair of a latent and an image: (B, C, H, W) and (M, D) → (M, B), in nats.

        x is the one binarization that validation and test use. Of a conditional model log Σ_y p(x|z, y) p(y).
        """
        x = self.observe(images)
        z = z.to(x)
        return self.over_labels(
            len(z), lambda labels: pairwise_bernoulli_log_likelihood(self.logits(z, labels), x), labels=None
        )

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
        x, labels = self.observe(batch[0]), self.told(batch[1])
        noise = torch.randn(self.importance_samples, len(x), self.latent_dim, device=x.device)
        bounds = {name: value.mean() for name, value in self.bounds(x, noise, self._beta(batch_idx), labels).items()}
        loss = -bounds.pop("objective")
        return {"loss": loss, **bounds}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor) -> None:
        noise = fixed_normal(images, (self.latent_dim,)).unsqueeze(0)
        bounds = self.bounds(self.observe(images), noise, labels=self.told(labels))
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
        of = "; of log p(x, y)" if self.conditional else ""
        return dict.fromkeys(self.quantities, f"estimate: one sample of z an image{of}")

    # What the mathematics gives

    @property
    def parts(self) -> dict[str, Part]:
        """The two distributions: `encode` itself draws a binary image, which depends on the grey one's bytes."""
        x = {"stochastic": "binary, drawn from the grey image", "threshold": "binary, cut at 0.5", "none": "grey"}
        posterior = f"images x, {x[self.binarization]} → q(z|x) = N(mu, diag exp log_var){self.told_of_labels}"
        return {
            "encoder": Part(self.posterior, "x", ("mu", "log_var"), posterior),
            "decoder": Part(
                self.decode, "z", ("images",), f"z ~ N(0, I) → p(pixel = 1 | z), images in [0, 1]{self.told_of_labels}"
            ),
        }

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Grey images (B, C, H, W), labels (B,) → posterior means (B, D); without labels that of the null label."""
        return self.posterior(self.observe(images), self.checked_labels(labels, images.shape[0]))[0]

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (…, B, D), labels (B,) → p(x_i = 1 | z, y), images in [0, 1] (…, B, C, H, W).

        Without labels that of the null label, which only a model with `label_dropout` has learned.
        """
        return torch.sigmoid(self.logits(z, self.checked_labels(labels, z.shape[-2])))

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Grey images → decode(encode(images)); without labels, of a conditional model, with the likeliest ones."""
        if labels is None and self.conditional:
            labels = (self.log_likelihood_by_class(images) + self.label_prior.log()).argmax(-1)
        return self.decode(self.encode(images, labels), labels)

    def sample(self, n: int, generator: torch.Generator | None = None, *, labels: Tensor | None = None) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: the pixels' probabilities for z ~ N(0, I), which a CPU generator fixes.

        Labels (n,): see `genlab.capabilities.CanSampleLabels`.
        """
        z = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters()))
        return self.decode(z, self.labels_for(n, generator, labels))
