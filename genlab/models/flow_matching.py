"""Flow matching (Lipman et al. 2023; Liu et al. 2023), and diffusion as one of its paths (Ho et al. 2020)."""

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from genlab.arguments import checked
from genlab.bijections import Dequantization, UniformNoise, to_images
from genlab.capabilities import Pixels
from genlab.errors import ConfigError
from genlab.models.averaging import frozen_copy, update_average, warmed_up
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_normal, fixed_uniform
from genlab.models.labels import LabelDropout, LabelledModel, repeated
from genlab.models.ode_likelihood import ode_log_density
from genlab.models.ode_solvers import SolverName, evaluation_times, integrate
from genlab.networks import ImageShape
from genlab.networks.patches import PatchSize
from genlab.networks.timed_transformer import TimedTransformer
from genlab.networks.timed_unet import TimedUNet
from genlab.objectives.coupling import optimal_coupling
from genlab.objectives.paths import PathName, coefficients, point, velocity, velocity_from_noise
from genlab.objectives.trace import rademacher
from genlab.quantities import Quantity

# When the way begins for a network that predicts noise: at 0, where x_t is the noise, it says nothing of the image
EARLIEST = 0.01

SOLVER: SolverName = "heun"
STEPS = 10
TOLERANCE = 1e-5
EXPONENT = 1.5  # of the steps' times: equal steps leave noise in the image, since the last one is too long for it
LIKELIHOOD_TOLERANCE = 1e-4

# When samples are guided: before, guidance spoils their variety, and behind it changes little
GUIDED = (0.2, 0.8)

CACHED = 50  # images whose activations stay in a CPU's cache: 500 at once take half as long again, an image

Steps = Annotated[int, Field(ge=1, le=1000)]  # of the solvers that are not adaptive
Tolerance = Annotated[float, Field(ge=1e-12, lt=1)]  # of the adaptive one
Guidance = Annotated[float, Field(ge=0, le=100)]  # 0: no label, 1: the label as it was learned, above: more of it


class FlowMatching(LabelledModel):
    """dx/dt = v(x, t) carries x_0 ~ N(0, I) to an image x_1, where v = E[dx_t/dt | x_t] for x_t = α(t) x_1 + σ(t) x_0.

    Training minimises E‖v(x_t, t) − dx_t/dt‖², or the same of a prediction of x_0, which with the cosine path is DDPM's
    simple loss (Ho et al. 2020, equation 14). Images are dequantized, x = (k + u)/256, and scaled to [−1, 1].

    A conditional one has v(x, t, y) for the label y, which goes with the time into the network.

    Samples can be guided, away from the mistakes of a worse network: see `guided_velocity`. The likelihood is that of
    the field without guidance, see `ode_log_density`.

    Args:
        architecture: `convolutional`, a small U-Net, or a `transformer` over patches.
        path: `linear` or `cosine`, see `genlab.objectives.paths`.
        prediction: what the network is trained to tell.
        time_sampling: of t in training: `uniform`, or `logit_normal`, more often in the middle (Esser et al. 2024).
        coupling: which noise goes with which image of a batch, see `genlab.objectives.coupling`.
        patch_size: of the transformer, height and width in pixels.
        layers, width, heads: of the transformer.
        channels: of the U-Net, at each size.
        autoguidance: share of the training after which a copy of the network is kept, to guide samples by; 0: none.
        ema_decay: above 0, all but training uses an exponential moving average of the weights; the decay rises to this
            value in the first updates.
        learning_rate: Adam's, at its highest; it falls along a cosine to 0 at the end of the run.
        warmup_steps: over which it rises linearly from 0.
        conditional, label_dropout, num_classes: see `LabelledModel`.
        image_shape: (C, H, W).
    """

    pixels: Pixels = "8-bit"

    @checked
    def __init__(
        self,
        architecture: Literal["transformer", "convolutional"] = "convolutional",
        path: PathName = "linear",
        prediction: Literal["velocity", "noise"] = "velocity",
        time_sampling: Literal["uniform", "logit_normal"] = "logit_normal",
        coupling: Literal["independent", "optimal_transport"] = "independent",
        patch_size: PatchSize = (4, 4),
        layers: PositiveInt = 3,
        width: PositiveInt = 128,
        heads: PositiveInt = 4,
        channels: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (16, 32, 64),
        autoguidance: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        learning_rate: PositiveFloat = 2e-3,
        warmup_steps: NonNegativeInt = 100,
        conditional: bool = False,
        label_dropout: LabelDropout = 0.0,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        super().__init__(conditional, num_classes, label_dropout)
        if autoguidance and label_dropout:
            raise ValueError("autoguidance and label_dropout: either guides the samples; leave one of them out")
        self.save_hyperparameters()
        self.path: PathName = path
        self.prediction = prediction
        self.time_sampling = time_sampling
        self.coupling = coupling
        self.autoguidance = autoguidance
        self.ema_decay = ema_decay
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.image_shape = image_shape
        self.latent_dim = math.prod(image_shape)  # the way there and back keeps the dimension
        self.start = EARLIEST if prediction == "noise" else 0.0
        self.dequantization = Dequantization(UniformNoise())
        self.network: nn.Module
        if architecture == "convolutional":
            self.network = TimedUNet(image_shape, channels, self.classes_told)
        else:
            self.network = TimedTransformer(image_shape, patch_size, layers, width, heads, self.classes_told)
        self.averaged_network = frozen_copy(self.network) if ema_decay else None
        self.early_network = frozen_copy(self.network) if autoguidance else None

    # The field

    def observe(self, images: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W), U(0, 1) noise alike → x_1 in [−1, 1], and log P(image) − log p(x_1) (B,), at least."""
        x, ladj = self.dequantization(images, uniform)
        return 2 * x - 1, ladj + self.latent_dim * math.log(2)

    def velocity(self, x: Tensor, t: Tensor, labels: Tensor | None = None, network: nn.Module | None = None) -> Tensor:
        """v(x, t, y): x (B, C, H, W), t, labels (B,) → (B, C, H, W). Labels None: the null label.

        By the averaged weights, unless another network is given.
        """
        predicted = (self._trained if network is None else network)(x, t, labels)
        if self.prediction == "velocity":
            return predicted
        return velocity_from_noise(coefficients(self.path, t.view(-1, 1, 1, 1)), x, predicted)

    def guided_velocity(self, x: Tensor, t: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:
        """worse + guidance · (v(x, t, y) − worse) for t in `GUIDED` (Kynkäänniemi et al. 2024), else v(x, t, y).

        The worse field is that of the network early in its training, where one is kept (autoguidance, Karras et al.
        2024, section 4: what both do wrong, the early one does more so), else v(x, t) without the label (Ho & Salimans
        2022, equation 6, whose w is guidance − 1).
        """
        guided = _guided(t)
        if guidance == 1 or not guided.any():
            return self.velocity(x, t, labels)
        if self.early_network is not None:
            worse, better = self.velocity(x, t, labels, self.early_network), self.velocity(x, t, labels)
        elif labels is None:
            return self.velocity(x, t)
        else:
            null = torch.full_like(labels, self.num_classes)
            both = self.velocity(torch.cat([x, x]), torch.cat([t, t]), torch.cat([null, labels]))
            worse, better = both.chunk(2)
        weight = torch.where(guided, guidance, 1.0).to(x).view(-1, 1, 1, 1)
        return worse + weight * (better - worse)

    @property
    def _trained(self) -> nn.Module:
        return self.network if self.averaged_network is None else self.averaged_network

    def error(self, network: nn.Module, data: Tensor, noise: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Mean square of what the network predicts minus what it should: x_1, x_0 (B, C, H, W), t, y (B,) → (B,)."""
        at = coefficients(self.path, t.view(-1, 1, 1, 1))
        wanted = noise if self.prediction == "noise" else velocity(at, noise, data)
        predicted = network(point(at, noise, data), t, labels).to(wanted)  # of bfloat16 under autocast
        return (predicted - wanted).square().flatten(1).mean(1)

    # Training, validation, test

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        data, _ = self.observe(batch[0], torch.rand_like(batch[0]))
        noise = torch.randn_like(data)
        if self.coupling == "optimal_transport":
            noise = noise[optimal_coupling(noise, data)]
        error = self.error(self.network, data, noise, self._times(data), self.told(batch[1])).mean()
        return {"loss": error, self._quantity: error}

    def step_constants(self, batch_idx: int) -> tuple[()]:
        """See `genlab.capabilities.KnowsItsConstants`; the averages are taken after the step."""
        return ()

    def _times(self, data: Tensor) -> Tensor:
        if self.time_sampling == "uniform":
            return torch.rand_like(data[:, 0, 0, 0])
        return torch.randn_like(data[:, 0, 0, 0]).sigmoid()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        if self.averaged_network is not None:
            decay = warmed_up(self.ema_decay, updates=self.trainer.global_step)
            update_average(self.averaged_network, self.network, 1 - decay)
        if self.early_network is not None and self._is_early():
            update_average(self.early_network, self._trained, 1.0)

    def _is_early(self) -> bool:
        return self.trainer.global_step < self.autoguidance * self.trainer.estimated_stepping_batches

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor) -> None:
        uniform = fixed_uniform(images, (math.prod(self.image_shape) + 1,))
        with self._full_precision():
            data, _ = self.observe(images, uniform[:, 1:].view_as(images))
            noise = fixed_normal(images, self.image_shape)
            error = self.error(self._trained, data, noise, uniform[:, 0], self.told(labels))
        log_means(self, split, {self._quantity: error.mean()}, len(images))

    def _full_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, enabled=False)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate, fused=True)
        return cosine_schedule(optimizer, self.trainer, self.warmup_steps)

    # What is measured

    @property
    def _quantity(self) -> str:
        return f"{self.prediction}_error"

    @property
    def quantities(self) -> tuple[str, ...]:
        """The first is the headline of a run."""
        return (self._quantity,)

    @property
    def described(self) -> Sequence[Quantity]:
        """See `genlab.capabilities.Describes`."""
        return (
            Quantity(self._quantity, "mean square of a pixel in [-1, 1]", "lower", meaning="of a prediction; never 0"),
        )

    @property
    def protocol(self) -> dict[str, str]:
        """How each logged quantity of validation and test is measured."""
        return {
            self._quantity: f"mean over pixels in [-1, 1], {self.path} path; one draw of noise, of dequantization and "
            "of t, uniform, an image, fixed; not comparable between paths or predictions"
        }

    @property
    def likelihood_method(self) -> str:
        """How `estimate_log_likelihood` does it."""
        return (
            "one draw of dequantization noise and one probe of the trace (Hutchinson) an image; adaptive solver at "
            f"tolerance {LIKELIHOOD_TOLERANCE:g}" + ("; the sum over all labels" if self.conditional else "")
        )

    # What the mathematics gives

    def log_density(
        self, images: Tensor, uniform: Tensor, probe: Tensor, labels: Tensor | None = None, **solving: Any
    ) -> tuple[Tensor, Tensor]:
        """log p(x_1|y) − D log 128, in nats, and the evaluations of the network that it took.

        In expectation over the noise of dequantization and over probes it is at most log P(image|y).

        Args:
            images: (B, C, H, W).
            uniform: U(0, 1) noise of the dequantization, alike.
            probe: of the trace, alike, one for the whole way: see `divergence_estimate`.
            labels: (B,), of a conditional model; None is the null label.
            solving: solver, steps and tolerance: see `integrate`.

        Returns:
            (B,) and (B,).
        """
        given = () if labels is None else (labels,)
        with self._full_precision():
            x, ladj = self.observe(images, uniform)
            log_density, count = ode_log_density(self.velocity, x, probe, self.start, given, **solving)
        return log_density + ladj, count

    def estimate_log_likelihood(
        self, images: Tensor, generator: torch.Generator, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`log_density` for fresh noise, which a CPU generator fixes: images (B, C, H, W) → (B,) and (B,).

        With labels (B,) of P(image|y); without, of a conditional model, summed over the labels.
        """
        uniform, of_probe = torch.rand(2, *images.shape, generator=generator).to(images)
        counts = []

        def log_likelihood(labels: Tensor | None) -> Tensor:
            found, count = self._estimate(images, uniform, of_probe, labels)
            counts.append(count)
            return found

        found = self.over_labels(len(images), log_likelihood, labels)
        return found, torch.stack(counts).sum(0)

    def log_likelihood_by_class(self, images: Tensor) -> Tensor:
        """The estimates of log P(image|y) for all y, in nats, by noise that each image fixes: → (B, num_classes)."""
        uniform, of_probe = fixed_uniform(images, (2, *self.image_shape)).to(images).unbind(1)
        return self.of_each_label(len(images), lambda labels: self._estimate(images, uniform, of_probe, labels)[0])

    def _estimate(
        self, images: Tensor, uniform: Tensor, of_probe: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        return self.log_density(
            images, uniform, rademacher(of_probe), labels, solver="adaptive", tolerance=LIKELIHOOD_TOLERANCE
        )

    def encode(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        solver: SolverName = SOLVER,
        steps: Steps = STEPS,
        tolerance: Tolerance = TOLERANCE,
    ) -> Tensor:
        """Images (B, C, H, W) → x_0 (B, C·H·W), where the way back from a point of the image's cell ends.

        Labels (B,); without, y is the null label, which only a model with `label_dropout` has learned.

        That point is the one that validation uses, so x_0 is deterministic. See `integrate` for how the way is found.
        """
        labels = self.checked_labels(labels, images.shape[0])
        with self._full_precision():
            x, _ = self.observe(images, fixed_uniform(images, self.image_shape).to(images))
        return self._carry(x, 1.0, self.start, labels, solver=solver, steps=steps, tolerance=tolerance).flatten(1)

    def decode(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        solver: SolverName = SOLVER,
        steps: Steps = STEPS,
        tolerance: Tolerance = TOLERANCE,
        guidance: Guidance = 1.0,
    ) -> Tensor:
        """x_0 (…, B, C·H·W) → the 8-bit images in whose cells the ways end, in [0, 1] (…, B, C, H, W).

        Labels: see `encode`.

        Raises:
            ConfigError: the model cannot be guided.
        """
        self.check_sampling(guidance)
        labels = repeated(self.checked_labels(labels, z.shape[-2]), z.shape[:-1])
        x = z.to(next(self.parameters())).view(-1, *self.image_shape)
        x = self._carry(x, self.start, 1.0, labels, guidance, solver=solver, steps=steps, tolerance=tolerance)
        return to_images((x + 1) / 2).unflatten(0, z.shape[:-1])

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        solver: SolverName = SOLVER,
        steps: Steps = STEPS,
        tolerance: Tolerance = TOLERANCE,
        guidance: Guidance = 1.0,
        *,
        labels: Tensor | None = None,
    ) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: decode(x_0) for x_0 ~ N(0, I), which a CPU generator fixes.

        Guidance: see `guided_velocity`. Labels (n,): see `genlab.capabilities.CanSampleLabels`.
        """
        noise = torch.randn(n, self.latent_dim, generator=generator)
        return self.decode(noise, self.labels_for(n, generator, labels), solver, steps, tolerance, guidance)

    def check_sampling(self, guidance: float = 1.0, **_: object) -> None:
        """See `genlab.capabilities.ChecksSampling`: not every model can be guided."""
        if guidance != 1 and not (self.label_dropout or self.autoguidance):
            raise ConfigError(
                f"guidance={guidance:g} needs a model that keeps an early network, or was trained with and without "
                "labels: model.autoguidance=0.1, or model.conditional=true model.label_dropout=0.1; or leave guidance "
                "out, in a preset by evaluation.sampling=null"
            )

    def sampling_evaluations(
        self, steps: int, solver: SolverName = SOLVER, guidance: float = 1.0, **_: object
    ) -> int | None:
        """See `genlab.capabilities.CanSampleInSteps`; where samples are guided, it is two networks."""
        if solver == "adaptive":
            return None
        times = torch.tensor(evaluation_times(solver, self.start, 1.0, steps, EXPONENT))
        return len(times) + (0 if guidance == 1 else int(_guided(times).sum()))

    way = ("t", "At each moment t a network says in which direction every pixel moves: dx/dt = v(x, t).")

    def trajectory(
        self, n: int, moments: int, generator: torch.Generator | None = None, labels: Tensor | None = None
    ) -> Tensor:
        """x_t on the way of n samples, at so many moments from noise to image: (n, moments, C, H, W), cut to [0, 1].

        From the noise and the labels of `sample`.
        """
        x = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters())).view(-1, *self.image_shape)
        labels = self.labels_for(n, generator, labels)
        times = torch.linspace(self.start, 1, moments).tolist()
        seen, steps = [x], math.ceil(STEPS / (moments - 1))
        for start, end in itertools.pairwise(times):
            seen.append(self._carry(seen[-1], start, end, labels, solver=SOLVER, steps=steps))
        return ((torch.stack(seen, dim=1) + 1) / 2).clamp(0, 1)

    @torch.no_grad()
    def _carry(
        self, x: Tensor, start: float, end: float, labels: Tensor | None, guidance: float = 1.0, **solving: Any
    ) -> Tensor:
        field = partial(self.guided_velocity, guidance=guidance)
        solving["exponent"] = EXPONENT
        at_once = CACHED if x.device.type == "cpu" else max(1, len(x))
        parts = zip(*(each.split(at_once) for each in ((x,) if labels is None else (x, labels))), strict=True)
        with self._full_precision():
            ends = [integrate(field, some, start, end, tuple(given), **solving)[0] for some, *given in parts]
        return torch.cat(ends)


def _guided(t: Tensor) -> Tensor:
    return (t >= GUIDED[0]) & (t <= GUIDED[1])
