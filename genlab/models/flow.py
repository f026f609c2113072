"""The normalizing flow (Dinh et al. 2017; Kingma & Dhariwal 2018)."""

import copy
import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from genlab.arguments import checked
from genlab.bijections import (
    LEVELS,
    ActNorm,
    AffineCoupling,
    Dequantization,
    Identity,
    InvertibleConvolution,
    UniformNoise,
    VariationalNoise,
    bits_per_dim,
    course_realnvp,
    multiscale_glow,
    to_images,
)
from genlab.capabilities import Part, Pixels, Temperature
from genlab.errors import ConfigError, NonFiniteError
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_uniform
from genlab.models.labels import LabelDropout, LabelledModel, repeated
from genlab.networks import Architecture, ImageShape
from genlab.objectives import importance_weighted_bound, standard_normal_log_density


class Flow(LabelledModel):
    """log p(x) = log N(f(x); 0, I) + log |det df/dx|, f a bijection, on dequantized images x = (k + u)/256.

    log P(image) = log E_q(u)[p(x) 256^−D / q(u)] ≥ E_q(u)[log p(x) − D log 256 − log q(u)], the bound that training
    maximises; q(u) is uniform or, learned, depends on the image (Theis et al. 2016; Ho et al. 2019).

    A conditional one has f(x, y) for the label y, by which the couplings are changed. It is measured by the bound of
    log P(image, y) = log P(image|y) + log p(y), which is a bound of log P(image) too.

    Args:
        architecture: `mlp` is RealNVP on pixel vectors with checkerboards, `convolutional` a multi-scale Glow.
        couplings: of the mlp.
        hidden_dims: of the mlp: widths of the hidden layers of each coupling's network.
        steps: of the convolutional flow, at each scale.
        channels: of the convolutional flow: width of the coupling networks, one for each scale.
        logit_bound: the first layer is logit(bound + (1 − 2·bound)·x).
        dequantization: q(u|image).
        dequantization_samples: K, draws of u in the importance-weighted test value.
        learning_rate: Adam's peak; it falls along a cosine to 0 at the end of the run.
        warmup_steps: steps over which it rises linearly from 0.
        conditional, label_dropout, num_classes: see `LabelledModel`.
        image_shape: (C, H, W).
    """

    quantities = ("bits_per_dim", "log_likelihood")  # the first is the headline of a run
    pixels: Pixels = "8-bit"

    @checked
    def __init__(
        self,
        architecture: Architecture = "convolutional",
        couplings: PositiveInt = 8,
        hidden_dims: Sequence[PositiveInt] = (1024, 1024),
        steps: PositiveInt = 6,
        channels: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (32, 64),
        logit_bound: Annotated[float, Field(gt=0, lt=0.5)] = 1e-5,
        dequantization: Literal["uniform", "variational"] = "variational",
        dequantization_samples: PositiveInt = 8,
        learning_rate: PositiveFloat = 6e-3,
        warmup_steps: NonNegativeInt = 100,
        conditional: bool = False,
        label_dropout: LabelDropout = 0.0,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        super().__init__(conditional, num_classes, label_dropout)
        self.save_hyperparameters()
        self.image_shape = image_shape
        self.latent_dim = math.prod(image_shape)  # a bijection keeps the dimension
        self.dequantization_samples = dequantization_samples
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        if architecture == "mlp":
            self.flow = course_realnvp(image_shape, couplings, hidden_dims, logit_bound, self.classes_told)
        else:
            self.flow = multiscale_glow(image_shape, len(channels), steps, channels, logit_bound, self.classes_told)
        self.dequantization = Dequantization(
            VariationalNoise(image_shape) if dequantization == "variational" else UniformNoise()
        )

    # The objective

    def log_density(self, images: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x|y) − D log 256 − log q(u) for one draw of u, in nats: images, uniform (B, C, H, W) → (B,).

        In expectation a lower bound on log P(image). At least float32: under autocast only the couplings' networks
        are rounded. `uniform` is U(0, 1) noise. Without labels (B,) p(x), or of a conditional model p(x|null label).
        """
        x, dequantization_ladj = self.dequantization(images, uniform)
        z, ladj = self.flow(x, labels)
        return standard_normal_log_density(z) + ladj + dequantization_ladj

    def log_likelihood(self, images: Tensor, uniform: Tensor, labels: Tensor | None = None) -> Tensor:
        """log 1/K Σ_k exp log_density(image, u_k) ≈ log P(image|y), in nats.

        Args:
            images: (B, C, H, W) in [0, 1].
            uniform: U(0, 1) noise, (K, B, C, H, W). In expectation the estimate rises to log P(image|y) as K grows.
            labels: see `log_density`.

        Returns:
            (B,).
        """
        return importance_weighted_bound(torch.stack([self.log_density(images, noise, labels) for noise in uniform]))

    def log_weights(
        self, images: Tensor, samples: int, generator: torch.Generator | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """`log_density` for fresh draws of u: images (B, C, H, W) → (samples, B), in nats.

        With labels (B,) of P(image|y); without, of a conditional model, summed over the labels.
        """
        draws = torch.rand(samples, *images.shape, generator=generator).to(images)
        return self.over_labels(len(images), lambda labels: self._log_weights(images, draws, labels), labels)

    def log_likelihood_by_class(self, images: Tensor) -> Tensor:
        """log P(image|y) for all y, in nats: (B, C, H, W) → (B, num_classes), by the draw of u that validation uses."""
        draws = fixed_uniform(images, (1, *self.image_shape)).to(images).transpose(0, 1)
        return self.of_each_label(len(images), lambda labels: self._log_weights(images, draws, labels)[0])

    def _log_weights(self, images: Tensor, draws: Tensor, labels: Tensor | None) -> Tensor:
        with self._full_precision():
            return torch.stack([self.log_density(images, uniform, labels) for uniform in draws])

    # Training, validation, test

    def on_fit_start(self) -> None:
        if torch.finfo(next(self.parameters()).dtype).bits < 32:
            raise ConfigError("the flow's parameters must be float32: use trainer.precision=bf16-mixed")

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        images, labels, uniform = batch[0], self.told(batch[1]), torch.rand_like(batch[0])
        measured = self._measure(self.log_likelihood(images, uniform.unsqueeze(0), labels), labels)
        if self._looks_at(images, batch_idx) and not measured["bits_per_dim"].isfinite():
            raise NonFiniteError(
                f"non-finite loss in epoch {self.current_epoch + 1}, batch {batch_idx + 1}: "
                f"first in {self._first_non_finite(images, uniform, labels)}; try a smaller model.learning_rate"
            )
        return {"loss": measured["bits_per_dim"], **measured}

    def _looks_at(self, images: Tensor, batch_idx: int) -> bool:
        """Whether the value of a batch is read, which waits for a GPU: there as often as values are logged."""
        if images.device.type == "cpu":
            return True
        every_n: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        return (batch_idx + 1) % every_n == 0 and not torch.cuda.is_current_stream_capturing()

    def step_constants(self, batch_idx: int) -> tuple[()]:
        """None."""
        return ()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch, samples=1)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch, samples=self.dequantization_samples)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor, samples: int) -> None:
        uniform = fixed_uniform(images, (samples, *self.image_shape)).to(images).transpose(0, 1)
        told = self.told(labels)
        with self._full_precision():
            measured = self._measure(self.log_likelihood(images, uniform, told), told)
        log_means(self, split, measured, len(images))

    def _measure(self, log_likelihood: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        mean = self.joint(log_likelihood, labels).mean()
        return {"bits_per_dim": bits_per_dim(mean, self.latent_dim), "log_likelihood": mean}

    def _first_non_finite(self, images: Tensor, uniform: Tensor, labels: Tensor | None = None) -> str:
        x, ladj = self.dequantization(images, uniform)
        if not (x.isfinite().all() and ladj.isfinite().all()):
            return "the dequantization"
        return self.flow.first_non_finite(x, labels) or "the density of z"

    def _full_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=False)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        # Fused Adam would undo a GradScaler's scale inside its step. Without, Lightning can clip under mixed precision
        optimizer._step_supports_amp_scaling = False
        return cosine_schedule(optimizer, self.trainer, self.warmup_steps)

    @property
    def protocol(self) -> dict[str, str]:
        """What each logged quantity of validation and test is."""
        return {
            "bits_per_dim": f"-log2 P(image) / {self.latent_dim}, {LEVELS} levels",
            "log_likelihood": f"log P(image), nats per image, {LEVELS} levels",
        }

    @property
    def estimators(self) -> dict[str, str]:
        """How they are estimated."""
        draws = f"{self.dequantization_samples} in test, importance-weighted; one in validation"
        noise = f"draws of {self.hparams['dequantization']} dequantization an image, fixed: {draws}"
        noise += "; of log P(image, y)" if self.conditional else ""
        return {"bits_per_dim": f"upper bound: {noise}", "log_likelihood": f"lower bound: {noise}"}

    # What the mathematics gives

    @property
    def parts(self) -> dict[str, Part]:
        """The map and its inverse; where images become x, noise that depends on their bytes would have to be drawn."""
        x = f"x = (k + u)/{LEVELS} in (0, 1), of pixels k in 0, …, {LEVELS - 1} and u in (0, 1)"
        density = f"{x} → z = f(x), ladj = log |det df/dx|: log p(x) = log N(z; 0, I) + ladj{self.told_of_labels}"
        return {
            "forward": Part(self.flow.forward, "x", ("z", "ladj"), density),
            "inverse": Part(
                self.flow.inverse, "z", ("x",), f"z ~ N(0, I) → {x}: k = floor({LEVELS} x){self.told_of_labels}"
            ),
        }

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) → z = f(x, y) (B, C·H·W), x a point of the image's cell. decode returns the image.

        Labels (B,); without, y is the null label, which only a model with `label_dropout` has learned.

        x is the one draw of q(u|image) that validation uses, so z is deterministic. The middle of each cell would be
        simpler, but training has seen no such x: the path between two such z leaves the digits.
        """
        labels = self.checked_labels(labels, images.shape[0])
        with self._full_precision():
            x, _ = self.dequantization(images, fixed_uniform(images, self.image_shape).to(images))
            z, _ = self.flow(x, labels)
        return z

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """z (…, B, C·H·W) → the 8-bit images in whose cells f⁻¹(z, y) lies, in [0, 1] (…, B, C, H, W).

        Labels: see `encode`.
        """
        labels = repeated(self.checked_labels(labels, z.shape[-2]), z.shape[:-1])
        with self._full_precision():
            x = self.flow.inverse(z.flatten(0, -2).to(next(self.parameters())), labels)
        return to_images(x).unflatten(0, z.shape[:-1])

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        temperature: Temperature = 1.0,
        *,
        labels: Tensor | None = None,
    ) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: decode(temperature · z) for z ~ N(0, I), which a CPU generator fixes.

        Kingma & Dhariwal 2018, section 6, take temperatures below 1, which give likelier but less varied images.
        Labels (n,): see `genlab.capabilities.CanSampleLabels`.
        """
        z = torch.randn(n, self.latent_dim, generator=generator)
        return self.decode(temperature * z.to(next(self.parameters())), self.labels_for(n, generator, labels))

    way = (
        "layers",
        "Each layer is a map that can be undone, x = f₁⁻¹(f₂⁻¹(… fₙ⁻¹(z))), so that log p(x) = log N(z; 0, I) + "
        "log |det df/dx|; the slider says which share of them has had its turn, and the others leave all as it is.",
    )

    @torch.no_grad()
    def trajectory(self, n: int, moments: int, generator: torch.Generator | None = None) -> Tensor:
        """What more and more of the layers make of the noise of `sample`: (n, moments, C, H, W).

        Those next to the noise come first; in the place of the others stands the identity.
        """
        z = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters()))
        labels, flow = self.labels_for(n, generator, None), copy.deepcopy(self.flow)
        places = [
            (layers, index)
            for layers in flow.modules()
            if isinstance(layers, nn.ModuleList)
            for index, layer in enumerate(layers)
            if isinstance(layer, (ActNorm, InvertibleConvolution, AffineCoupling))
        ]
        seen = []
        with self._full_precision():
            for moment in reversed(range(moments)):
                for layers, index in places[: round(len(places) * (1 - moment / (moments - 1)))]:
                    layers[index] = Identity()
                seen.append(to_images(flow.inverse(z, labels)))
        return torch.stack(seen[::-1], dim=1)
