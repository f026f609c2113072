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
from genlab.errors import ConfigError
from genlab.models.binarization import Binarization, binarize, binarize_afresh
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.few_labels import FewLabels, classification_error
from genlab.models.fixed_noise import fixed_normal, fixed_uniform
from genlab.models.labels import LabelDropout, LabelledModel, repeated
from genlab.models.scheduled import Scheduled
from genlab.networks import Activation, Architecture, ImageShape, image_decoder, image_encoder
from genlab.objectives import (
    bernoulli_log_likelihood,
    bound_over_labels,
    gaussian_kl,
    gaussian_log_density,
    importance_weighted_bound,
    pairwise_bernoulli_log_likelihood,
    semi_supervised_objective,
    standard_normal_log_density,
)

log = logging.getLogger(__name__)

BOUNDS = ("elbo", "reconstruction", "kl")
CLASSIFYING = 10  # latents an image and a label, where p(x | y) is estimated of all labels


class VAE(LabelledModel):
    """p(x) = ∫ p(x|z) N(z; 0, I) dz, trained on ELBO(x) = E_q(z|x)[log p(x|z)] − KL(q(z|x) ‖ N(0, I)).

    q(z|x) = N(mu(x), diag exp log_var(x)); p(x|z) is Bernoulli in each pixel, with the decoder's outputs as logits.
    The incoming images are grey; `binarization` makes the binary x that the likelihoods are about.

    A conditional one has p(x|z, y) and q(z|x, y) for the label y (Kingma et al. 2014, section 2.1; Sohn et al. 2015).
    Its ELBO is that of log p(x, y) = log p(x|y) + log p(y), which is a bound of log p(x) too: log p(y) is in its KL, as
    that of (z, y) with the y that is known.

    With `labels` few training images have one, and a classifier q(y|x) is learned too, for the bound of the others: M2
    of Kingma et al. 2014, see `genlab.objectives.semi_supervised`. Its ELBO is that bound, −U(x) ≤ log p(x), wherever
    it is measured: no label goes into it, and its KL is that of q(y, z|x) to p(y) p(z).

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
        labels: how many training images have a label, evenly over the classes and always the same ones; the model is
            conditional then. None: all have one, if it is conditional, and there is no classifier.
        classifier_weight: α/N, of the classifier's mean log-likelihood of these labels (Kingma et al. 2014, equation
            9, where it is 0.1); the bound of an image has the weight 1.
        image_shape: (C, H, W).
    """

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
        labels: PositiveInt | None = None,
        classifier_weight: NonNegativeFloat = 0.1,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        if labels is not None and num_classes < 2:
            raise ValueError(f"labels={labels} needs images of two classes or more; these have {num_classes}")
        if labels is not None and label_dropout:
            raise ValueError(f"label_dropout={label_dropout} is of images that all have labels; leave it or labels out")
        super().__init__(conditional or labels is not None, num_classes, label_dropout)
        self.save_hyperparameters()
        self.labels = labels
        self.classifier_weight = classifier_weight
        self.latent_dim = latent_dim
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.beta = beta
        self.kl_warmup_epochs = kl_warmup_epochs
        self.kl_weight = Scheduled(0.0 if kl_warmup_epochs else beta)
        self.importance_samples = importance_samples
        self.binarization = binarization
        classes = self.classes_told
        self.encoder = image_encoder(architecture, image_shape, hidden_dims, 2 * latent_dim, activation, classes)
        self.decoder = image_decoder(architecture, image_shape, hidden_dims, latent_dim, activation, classes)
        self.few_labels: FewLabels | None = None
        if labels is not None:
            self.few_labels = FewLabels(image_encoder(architecture, image_shape, hidden_dims, classes, activation))

    # The two distributions

    def posterior(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """q(z|x, y): images (B, C, H, W), labels (…, B) → mu, log_var, each (…, B, D). None is the null label."""
        if labels is None:
            mu, log_var = self.encoder(x).chunk(2, dim=-1)
        else:
            mu, log_var = self.encoder(x, labels.flatten()).unflatten(0, labels.shape).chunk(2, dim=-1)
        return mu, log_var

    def logits(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """p(x|z, y): latents (…, B, D), labels (…, B) → logits of the pixels (…, B, C, H, W). None is the null label.

        The dimensions in front of B broadcast.
        """
        return self.decoder(z.flatten(0, -2), repeated(labels, z.shape[:-1])).unflatten(0, z.shape[:-1])

    # The objective

    def bounds(
        self, x: Tensor, noise: Tensor, beta: float | Tensor = 1.0, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return every bound and its parts for each image, in nats, from z = mu + exp(log_var / 2) · noise.

        Args:
            x: binary images (B, C, H, W).
            noise: N(0, I), (k, B, D).
            beta: weight of the KL in `objective`; in `elbo` it is 1.
            labels: (B,), of a conditional model, or (classes, B), with noise (k, 1, B, D); None is the null label.

        Returns:
            Each (B,), or as the labels. `elbo` = `reconstruction` − `kl`, where `reconstruction` is log p(x|z),
            averaged over the k samples, and `kl` the closed form, with labels plus −log p(y); `objective` is what
            training maximises: the ELBO for k = 1, the importance-weighted bound for k > 1.
        """
        mu, log_var = self.posterior(x, labels)
        z = mu + torch.exp(0.5 * log_var) * noise
        log_likelihood = bernoulli_log_likelihood(self.logits(z, labels), x)
        reconstruction, kl = log_likelihood.mean(0), gaussian_kl(mu, log_var)
        if labels is not None:
            kl = kl - self.log_prior(labels)
        if len(noise) == 1:
            objective = reconstruction - kl * beta
        else:
            log_ratio = standard_normal_log_density(z) - gaussian_log_density(z, mu, log_var)
            log_ratio = self.joint(log_ratio, labels)
            objective = importance_weighted_bound(log_likelihood + log_ratio * beta)
        return {
            "elbo": reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "objective": objective,
        }

    def bounds_without_labels(self, x: Tensor, noise: Tensor, beta: float | Tensor = 1.0) -> dict[str, Tensor]:
        """`bounds` with q(y|x) in the place of a label: all labels in one pass, with the same noise."""
        assert self.few_labels is not None
        log_q = self.few_labels.log_probabilities(x).T
        every_label = torch.arange(self.num_classes, device=x.device).unsqueeze(1).expand(-1, len(x))
        bounds = self.bounds(x, noise.unsqueeze(1), beta, every_label)
        elbo = bound_over_labels(bounds["elbo"], log_q)
        reconstruction = bound_over_labels(bounds["reconstruction"], log_q, beta=0)
        return {
            "elbo": elbo,
            "reconstruction": reconstruction,
            "kl": reconstruction - elbo,
            "objective": bound_over_labels(bounds["objective"], log_q, beta),
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

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.kl_warmup_epochs:
            epoch = self.current_epoch + batch_idx / self.trainer.num_training_batches
            self.kl_weight.set(self.beta * min(1.0, epoch / self.kl_warmup_epochs))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        if self.few_labels is not None:
            return self._semi_supervised_step(self.few_labels, *batch)
        x, labels = self.observe(batch[0]), self.told(batch[1])
        of_each = self.bounds(x, self._noise(x), self.kl_weight.value, labels)
        bounds = {name: value.mean() for name, value in of_each.items()}
        loss = -bounds.pop("objective")
        return {"loss": loss, **bounds}

    def _noise(self, x: Tensor) -> Tensor:
        return torch.randn(self.importance_samples, len(x), self.latent_dim, device=x.device)

    def _semi_supervised_step(self, few: FewLabels, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """As many images with a label are drawn as there are in the batch, of which hardly any has one."""
        x, beta = self.observe(images), self.kl_weight.value
        bounds = self.bounds_without_labels(x, self._noise(x), beta)
        images_told, labels_told = few.draw(images)
        x_told = self.observe(images_told)
        told = self.bounds(x_told, self._noise(x_told), beta, labels_told)
        log_q = few.log_probabilities(x_told)
        objective = semi_supervised_objective(
            bounds.pop("objective"),
            labels < 0,
            told["objective"],
            log_q.gather(1, labels_told.unsqueeze(1)).squeeze(1),
            few.share,
            self.classifier_weight,
        )
        means = {name: value.mean() for name, value in bounds.items()}
        return {"loss": -objective, **means, "classification_error": classification_error(log_q, labels_told)}

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor) -> None:
        x, noise = self.observe(images), fixed_normal(images, (self.latent_dim,)).unsqueeze(0)
        if self.few_labels is None:
            bounds, errors = self.bounds(x, noise, labels=self.told(labels)), {}
        else:
            bounds = self.bounds_without_labels(x, noise)
            errors = {"classification_error": classification_error(self.few_labels.log_probabilities(x), labels)}
        log_means(self, split, {name: bounds[name].mean() for name in BOUNDS} | errors, len(images))

    def step_constants(self, batch_idx: int) -> tuple[()]:
        return ()

    def configure_optimizers(self) -> torch.optim.Optimizer | OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        return cosine_schedule(optimizer, self.trainer) if self.learning_rate_schedule == "cosine" else optimizer

    @property
    def quantities(self) -> tuple[str, ...]:
        """The first is the headline of a run."""
        return BOUNDS if self.few_labels is None else (*BOUNDS, "classification_error")

    @property
    def protocol(self) -> dict[str, str]:
        """What each logged quantity of validation and test is."""
        kinds = {
            "stochastic": "drawn once for each image",
            "threshold": "cut at 0.5",
            "none": "grey, a surrogate",
        }
        x = kinds[self.binarization]
        words = dict.fromkeys(BOUNDS, f"nats per image; x {x}")
        return words if self.labels is None else words | {"classification_error": f"{self.labels} labels; x {x}"}

    @property
    def estimators(self) -> dict[str, str]:
        """How they are estimated."""
        if self.few_labels is not None:
            return dict.fromkeys(BOUNDS, "estimate: one sample of z an image and label, weighed by q(y|x)")
        of = "; of log p(x, y)" if self.conditional else ""
        return dict.fromkeys(BOUNDS, f"estimate: one sample of z an image{of}")

    # What the mathematics gives

    @property
    def parts(self) -> dict[str, Part]:
        """The two distributions: `encode` itself draws a binary image, which depends on the grey one's bytes."""
        x = {"stochastic": "binary, drawn from the grey image", "threshold": "binary, cut at 0.5", "none": "grey"}
        of_x = f"images x, {x[self.binarization]} →"
        posterior = f"{of_x} q(z|x) = N(mu, diag exp log_var){self.told_of_labels}"
        parts = {
            "encoder": Part(self.posterior, "x", ("mu", "log_var"), posterior),
            "decoder": Part(
                self.decode, "z", ("images",), f"z ~ N(0, I) → p(pixel = 1 | z), images in [0, 1]{self.told_of_labels}"
            ),
        }
        if self.few_labels is not None:
            parts["classifier"] = Part(self.few_labels.log_probabilities, "x", ("log_q",), f"{of_x} log q(y|x)")
        return parts

    def learn_from(self, images: Tensor, labels: Tensor, of: int) -> None:
        """See `genlab.capabilities.LearnsFromFewLabels`."""
        assert self.few_labels is not None
        self.few_labels.keep(images, labels, of)

    def classify(self, images: Tensor) -> Tensor:
        """log q(y|x): grey images (B, C, H, W) → (B, num_classes); x is the one binarization of validation and test.

        Raises:
            ConfigError: the model has no classifier.
        """
        if self.few_labels is None:
            raise ConfigError("this VAE has no classifier; train one with model.labels=100")
        return self.few_labels.log_probabilities(self.observe(images))

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
