"""Flow matching (Lipman et al. 2023; Liu et al. 2023), and diffusion as one of its paths (Ho et al. 2020)."""

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from genlab.arguments import checked
from genlab.bijections import Dequantization, UniformNoise, to_images
from genlab.capabilities import Pixels
from genlab.models.averaging import frozen_copy, update_average, warmed_up
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_normal, fixed_uniform
from genlab.models.ode_solvers import SolverName, evaluations, integrate
from genlab.networks import ImageShape
from genlab.networks.patches import PatchSize
from genlab.networks.timed_transformer import TimedTransformer
from genlab.networks.timed_unet import TimedUNet
from genlab.objectives import standard_normal_log_density
from genlab.objectives.coupling import optimal_coupling
from genlab.objectives.paths import PathName, coefficients, point, velocity, velocity_from_noise
from genlab.objectives.trace import divergence_estimate, rademacher
from genlab.quantities import Quantity

# When the way begins for a network that predicts noise: at 0, where x_t is the noise, it says nothing of the image
EARLIEST = 0.01

SOLVER: SolverName = "heun"
STEPS = 10
TOLERANCE = 1e-5
LIKELIHOOD_TOLERANCE = 1e-4

Steps = Annotated[int, Field(ge=1, le=1000)]  # of the solvers that are not adaptive
Tolerance = Annotated[float, Field(ge=1e-12, lt=1)]  # of the adaptive one


class FlowMatching(LightningModule):
    """dx/dt = v(x, t) carries x_0 ~ N(0, I) to an image x_1, where v = E[dx_t/dt | x_t] for x_t = α(t) x_1 + σ(t) x_0.

    Training minimises E‖v(x_t, t) − dx_t/dt‖², or the same of a prediction of x_0, which with the cosine path is DDPM's
    simple loss (Ho et al. 2020, equation 14). Images are dequantized, x = (k + u)/256, and scaled to [−1, 1].

    log p(x_1) = log N(x_0; 0, I) − ∫ div v(x_t, t) dt, x_0 where the way back from x_1 ends (Grathwohl et al. 2019).

    Args:
        architecture: `transformer` over patches, or `convolutional`: a small U-Net.
        path: `linear` or `cosine`, see `genlab.objectives.paths`.
        prediction: what the network is trained to tell.
        time_sampling: of t in training: `uniform`, or `logit_normal`, oftener in the middle (Esser et al. 2024).
        coupling: which noise goes with which image of a batch, see `genlab.objectives.coupling`.
        patch_size: of the transformer, height and width in pixels.
        layers, width, heads: of the transformer.
        channels: of the U-Net, at each size.
        ema_decay: above 0, all but training uses an exponential moving average of the weights; the decay rises to this
            value in the first updates.
        learning_rate: Adam's, at its highest; it falls along a cosine to 0 at the end of the run.
        warmup_steps: over which it rises linearly from 0.
        image_shape: (C, H, W).
    """

    pixels: Pixels = "8-bit"

    @checked
    def __init__(
        self,
        architecture: Literal["transformer", "convolutional"] = "transformer",
        path: PathName = "linear",
        prediction: Literal["velocity", "noise"] = "velocity",
        time_sampling: Literal["uniform", "logit_normal"] = "uniform",
        coupling: Literal["independent", "optimal_transport"] = "independent",
        patch_size: PatchSize = (4, 4),
        layers: PositiveInt = 3,
        width: PositiveInt = 128,
        heads: PositiveInt = 4,
        channels: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (32, 64, 64),
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        learning_rate: PositiveFloat = 2e-3,
        warmup_steps: NonNegativeInt = 100,
        image_shape: ImageShape = (1, 28, 28),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.path: PathName = path
        self.prediction = prediction
        self.time_sampling = time_sampling
        self.coupling = coupling
        self.ema_decay = ema_decay
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.image_shape = image_shape
        self.latent_dim = math.prod(image_shape)  # the way there and back keeps the dimension
        self.start = EARLIEST if prediction == "noise" else 0.0
        self.dequantization = Dequantization(UniformNoise())
        self.network: nn.Module
        if architecture == "convolutional":
            self.network = TimedUNet(image_shape, channels)
        else:
            self.network = TimedTransformer(image_shape, patch_size, layers, width, heads)
        self.averaged_network = frozen_copy(self.network) if ema_decay else None

    # The field

    def observe(self, images: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W), U(0, 1) noise alike → x_1 in [−1, 1], and log P(image) − log p(x_1) (B,), at least."""
        x, ladj = self.dequantization(images, uniform)
        return 2 * x - 1, ladj + self.latent_dim * math.log(2)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """v(x, t): x (B, C, H, W), t (B,) → (B, C, H, W), by the averaged weights."""
        predicted = self._trained(x, t)
        if self.prediction == "velocity":
            return predicted
        return velocity_from_noise(coefficients(self.path, t.view(-1, 1, 1, 1)), x, predicted)

    @property
    def _trained(self) -> nn.Module:
        return self.network if self.averaged_network is None else self.averaged_network

    def error(self, network: nn.Module, data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Mean square of what the network predicts minus what it should: x_1, x_0 (B, C, H, W), t (B,) → (B,)."""
        at = coefficients(self.path, t.view(-1, 1, 1, 1))
        wanted = noise if self.prediction == "noise" else velocity(at, noise, data)
        predicted = network(point(at, noise, data), t).to(wanted)  # of bfloat16 under autocast
        return (predicted - wanted).square().flatten(1).mean(1)

    # Training, validation, test

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        data, _ = self.observe(batch[0], torch.rand_like(batch[0]))
        noise = torch.randn_like(data)
        if self.coupling == "optimal_transport":
            noise = noise[optimal_coupling(noise, data)]
        error = self.error(self.network, data, noise, self._times(data)).mean()
        return {"loss": error, self._quantity: error}

    def _times(self, data: Tensor) -> Tensor:
        if self.time_sampling == "uniform":
            return torch.rand_like(data[:, 0, 0, 0])
        return torch.randn_like(data[:, 0, 0, 0]).sigmoid()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        if self.averaged_network is not None:
            decay = warmed_up(self.ema_decay, updates=self.trainer.global_step)
            update_average(self.averaged_network, self.network, decay)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", batch[0])

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", batch[0])

    def _evaluate(self, split: str, images: Tensor) -> None:
        uniform = fixed_uniform(images, (math.prod(self.image_shape) + 1,))
        with self._full_precision():
            data, _ = self.observe(images, uniform[:, 1:].view_as(images))
            error = self.error(self._trained, data, fixed_normal(images, self.image_shape), uniform[:, 0])
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
            f"tolerance {LIKELIHOOD_TOLERANCE:g}"
        )

    # What the mathematics gives

    def log_density(self, images: Tensor, uniform: Tensor, probe: Tensor, **solving: Any) -> tuple[Tensor, Tensor]:
        """log p(x_1) − D log 128, in nats, and the evaluations of the network that it took.

        In expectation over the noise of dequantization and over probes it is at most log P(image).

        Args:
            images: (B, C, H, W).
            uniform: U(0, 1) noise of the dequantization, alike.
            probe: of the trace, alike, one for the whole way: see `divergence_estimate`.
            solving: solver, steps and tolerance: see `integrate`.

        Returns:
            (B,) and (B,).
        """
        with self._full_precision():
            x, ladj = self.observe(images, uniform)
            state = torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], dim=1)
            state, count = integrate(self._with_divergence, state, 1.0, self.start, (probe,), **solving)
        return standard_normal_log_density(state[:, :-1]) + state[:, -1] + ladj, count

    def _with_divergence(self, state: Tensor, t: Tensor, probe: Tensor) -> Tensor:
        """d/dt of x_t, flat, and of ∫ div v dt: (B, D + 1) → alike."""
        x = state[:, :-1].view_as(probe)
        value, divergence = divergence_estimate(lambda x: self.velocity(x, t), x, probe)
        return torch.cat([value.flatten(1), divergence.unsqueeze(1)], dim=1)

    def estimate_log_likelihood(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`log_density` for fresh noise, which a CPU generator fixes: images (B, C, H, W) → (B,) and (B,)."""
        uniform, of_probe = torch.rand(2, *images.shape, generator=generator).to(images)
        return self.log_density(
            images, uniform, rademacher(of_probe), solver="adaptive", tolerance=LIKELIHOOD_TOLERANCE
        )

    def encode(
        self, images: Tensor, solver: SolverName = SOLVER, steps: Steps = STEPS, tolerance: Tolerance = TOLERANCE
    ) -> Tensor:
        """Images (B, C, H, W) → x_0 (B, C·H·W), where the way back from a point of the image's cell ends.

        That point is the one that validation uses, so x_0 is deterministic. See `integrate` for how the way is found.
        """
        with self._full_precision():
            x, _ = self.observe(images, fixed_uniform(images, self.image_shape).to(images))
        return self._carry(x, 1.0, self.start, solver, steps, tolerance).flatten(1)

    def decode(
        self, z: Tensor, solver: SolverName = SOLVER, steps: Steps = STEPS, tolerance: Tolerance = TOLERANCE
    ) -> Tensor:
        """x_0 (…, C·H·W) → the 8-bit images in whose cells the ways end, in [0, 1] (…, C, H, W)."""
        x = z.to(next(self.parameters())).view(-1, *self.image_shape)
        x = self._carry(x, self.start, 1.0, solver, steps, tolerance)
        return to_images((x + 1) / 2).unflatten(0, z.shape[:-1])

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        solver: SolverName = SOLVER,
        steps: Steps = STEPS,
        tolerance: Tolerance = TOLERANCE,
    ) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: decode(x_0) for x_0 ~ N(0, I), which a CPU generator fixes."""
        return self.decode(torch.randn(n, self.latent_dim, generator=generator), solver, steps, tolerance)

    def sampling_evaluations(self, steps: int) -> int:
        """Of the network, for a sample in so many steps."""
        return evaluations(SOLVER, steps)

    def trajectory(self, n: int, moments: int, generator: torch.Generator | None = None) -> Tensor:
        """x_t on the way of n samples, at so many moments from noise to image: (n, moments, C, H, W), cut to [0, 1].

        From the noise of `sample`.
        """
        x = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters())).view(-1, *self.image_shape)
        times = torch.linspace(self.start, 1, moments).tolist()
        seen, steps = [x], math.ceil(STEPS / (moments - 1))
        for start, end in itertools.pairwise(times):
            seen.append(self._carry(seen[-1], start, end, SOLVER, steps, TOLERANCE))
        return ((torch.stack(seen, dim=1) + 1) / 2).clamp(0, 1)

    @torch.no_grad()
    def _carry(self, x: Tensor, start: float, end: float, solver: SolverName, steps: int, tolerance: float) -> Tensor:
        with self._full_precision():
            x, _ = integrate(self.velocity, x, start, end, (), solver, steps, tolerance)
        return x
