"""The generative adversarial network (Goodfellow et al. 2014)."""

import logging
from collections.abc import Sequence
from typing import Annotated

import torch
import torch.distributed as dist
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.func import functional_call
from torch.nn.utils import get_total_norm

from genlab.arguments import checked
from genlab.capabilities import Part
from genlab.models.averaging import frozen_copy, update_average, warmed_up
from genlab.models.evaluation_means import log_means
from genlab.models.fixed_noise import fixed_normal
from genlab.models.labels import LabelDropout, LabelledModel, repeated
from genlab.models.scheduled import Scheduled
from genlab.networks import Architecture, ImageShape
from genlab.networks.discriminators import image_discriminator
from genlab.networks.generators import image_generator
from genlab.objectives.adversarial import ADVERSARIAL_OBJECTIVES, ObjectiveName, value
from genlab.objectives.penalties import PenaltyName, gradient_penalty, r1

log = logging.getLogger(__name__)

Fraction = Annotated[float, Field(ge=0, lt=1)]


class GAN(LabelledModel):
    """min_G max_D V(D, G) = E log D(x) + E log(1 − D(G(z))), z ~ N(0, I), or another game of the two networks.

    A batch of B images takes `discriminator_steps` steps of the discriminator and then one of the generator. Each
    discriminator step sees the B images and B fresh fakes. The generator step reuses the fakes of the last one, with
    the discriminator as that step has left it: one pass of the generator serves both players.

    A conditional one has G(z, y) and D(x, y), which is told the label by projection (Miyato & Koyama 2018). The fakes
    of a batch have the labels of its images.

    Images are scaled to [-1, 1], the range of the generator's Tanh; `sample` and `decode` scale back to [0, 1].

    Args:
        latent_dim: D, the dimension of z.
        architecture: `convolutional` is DCGAN's (Radford et al. 2016).
        objective: the two losses, from `genlab.objectives.adversarial`.
        penalty: on the discriminator's slope, from `genlab.objectives.penalties`.
        penalty_weight: λ of `gradient_penalty`, γ of `r1`; both papers use 10.
        discriminator_steps: per batch.
        generator_learning_rate, discriminator_learning_rate: Adam's.
        beta1, beta2: Adam's decay rates; 0.5 is from Radford et al. 2016, section 4.
        ema_decay: above 0, `sample` and `decode` use an exponential moving average of the generator, its batch norm's
            statistics included; the decay rises to this value in the first updates.
        conditional, label_dropout, num_classes: see `LabelledModel`.
        image_shape: (C, H, W).
    """

    quantities = ("value", "d_real", "d_fake", "discriminator_accuracy")  # the first is the headline of a run

    @checked
    def __init__(
        self,
        latent_dim: PositiveInt = 100,
        architecture: Architecture = "mlp",
        objective: ObjectiveName = "non_saturating",
        penalty: PenaltyName = "none",
        penalty_weight: PositiveFloat = 10.0,
        discriminator_steps: PositiveInt = 1,
        generator_learning_rate: PositiveFloat = 2e-4,
        discriminator_learning_rate: PositiveFloat = 2e-4,
        beta1: Fraction = 0.5,
        beta2: Fraction = 0.999,
        ema_decay: Fraction = 0.0,
        conditional: bool = False,
        label_dropout: LabelDropout = 0.0,
        image_shape: ImageShape = (1, 28, 28),
        num_classes: NonNegativeInt = 10,
    ) -> None:
        super().__init__(conditional, num_classes, label_dropout)
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.latent_dim = latent_dim
        self.objective = objective
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.discriminator_steps = discriminator_steps
        self.learning_rates = generator_learning_rate, discriminator_learning_rate
        self.betas = beta1, beta2
        self.ema_decay = ema_decay
        self.generator = image_generator(architecture, image_shape, latent_dim, self.classes_told)
        self.discriminator = image_discriminator(architecture, image_shape, self.classes_told)
        self.averaged_generator = frozen_copy(self.generator) if ema_decay else None
        self.newest_share = Scheduled(1 - warmed_up(ema_decay, 0))  # of the average: 1 − its decay

    # The two players

    def generate(self, n: int, like: Tensor, labels: Tensor | None = None) -> Tensor:
        """n fakes in [-1, 1], G(z, y) for fresh z and labels (n,), with the device and type of `like`."""
        return self.generator(torch.randn(n, self.latent_dim, device=like.device, dtype=like.dtype), labels)

    def logits(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """D before its sigmoid: images in [-1, 1], (B, C, H, W) → (B,), float32 under mixed precision too."""
        logits = self.discriminator(x, labels)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    # Training

    def on_fit_start(self) -> None:
        if self.objective == "wasserstein" and self.penalty != "gradient_penalty" and self.trainer.is_global_zero:
            log.warning(
                f"model.objective=wasserstein with model.penalty={self.penalty}: nothing keeps the discriminator "
                "1-Lipschitz, so its loss is no distance; use model.penalty=gradient_penalty"
            )

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self.averaged_generator is not None:
            decay = warmed_up(self.ema_decay, updates=self.trainer.fit_loop.total_batch_idx)
            self.newest_share.set(1 - decay)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> dict[str, Tensor]:
        real, labels = 2 * batch[0] - 1, self.told(batch[1])
        n = max(2, len(real))  # the generator's batch norm needs two
        fake_labels = repeated(labels, (n,))
        for _ in range(self.discriminator_steps - 1):
            with torch.no_grad():
                fake = self.generate(n, real, fake_labels)
            self.discriminator_step(real, fake, labels)
        fake = self.generate(n, real, fake_labels)
        measured = self.discriminator_step(real, fake.detach(), labels)
        measured |= self.generator_step(fake, fake_labels)
        if self.averaged_generator is not None:
            update_average(self.averaged_generator, self.generator, self.newest_share.value)
        return measured

    def step_constants(self, batch_idx: int) -> tuple[()]:
        return ()

    def discriminator_step(self, real: Tensor, fake: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Update D on images of the data and on detached fakes; return what was measured before the update."""
        _, optimizer = self.optimizers()  # type: ignore[attr-defined]
        with self.toggled_optimizer(optimizer):
            # one pass for both is quicker and gives the same, since D judges each image by itself
            both = None if labels is None else torch.cat([labels, labels.expand(len(fake))])
            real_logits, fake_logits = self.logits(torch.cat([real, fake]), both).split([len(real), len(fake)])
            loss = ADVERSARIAL_OBJECTIVES[self.objective].discriminator_loss(real_logits, fake_logits)
            measured = self._measure(real_logits.detach(), fake_logits.detach(), loss.detach())
            if self.penalty != "none":
                penalty = self.penalty_weight * self._penalty(real, fake, labels)
                loss = loss + penalty
                measured["penalty"] = penalty.detach()
            measured["discriminator_gradient_norm"] = self._descend(loss, optimizer)
        return measured

    def generator_step(self, fake: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Update G on its fakes; return the loss and its gradient's norm before the update."""
        optimizer, _ = self.optimizers()  # type: ignore[attr-defined]
        with self.toggled_optimizer(optimizer):
            loss = ADVERSARIAL_OBJECTIVES[self.objective].generator_loss(self.logits(fake, labels))
            norm = self._descend(loss, optimizer)
        return {"generator_loss": loss.detach(), "generator_gradient_norm": norm}

    def _descend(self, loss: Tensor, optimizer: LightningOptimizer) -> Tensor:
        """Take one step and clear the gradients; return the gradient's norm."""
        # Lightning calls training_step under autocast, where a backward pass does not belong: float32 parts of the
        # graph, the penalty among them, would be differentiated in bfloat16
        with torch.autocast(self.device.type, enabled=False):
            self.manual_backward(loss)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        norm = get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None:  # float16: the gradients are multiplied by the scale until the optimizer divides
            norm = norm / scaler.scale(torch.ones_like(norm))
        optimizer.step()
        optimizer.zero_grad()
        return norm

    def _penalty(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        if self.penalty == "r1":
            return r1(lambda x: self.discriminator(x, labels), real)
        uniform = torch.rand(len(real), device=real.device, dtype=real.dtype)
        mixed = repeated(labels, (len(fake),))  # an image and the fake that it is mixed with have one label
        return gradient_penalty(lambda x: self.discriminator(x, mixed), real, fake, uniform)

    def _measure(self, real_logits: Tensor, fake_logits: Tensor, discriminator_loss: Tensor) -> dict[str, Tensor]:
        """Return what training, validation and test have in common."""
        said_real, said_fake = (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()
        return {
            "value": value(real_logits, fake_logits),
            "d_real": real_logits.sigmoid().mean(),
            "d_fake": fake_logits.sigmoid().mean(),
            "discriminator_accuracy": 0.5 * (said_real + said_fake),
            "discriminator_loss": discriminator_loss,
        }

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        players = self.generator, self.discriminator
        return [
            torch.optim.Adam(player.parameters(), lr=learning_rate, betas=self.betas, fused=True)
            for player, learning_rate in zip(players, self.learning_rates, strict=True)
        ]

    # Validation, test

    def on_validation_start(self) -> None:
        # Under manual optimization nothing else synchronises the running statistics of several processes: each would
        # measure its share of the images with a generator of its own, and only the first one's is in the checkpoint
        if dist.is_available() and dist.is_initialized():
            for buffer in self.buffers():
                dist.broadcast(buffer, src=0)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("val", *batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate("test", *batch)

    def _evaluate(self, split: str, images: Tensor, labels: Tensor) -> None:
        told = self.told(labels)
        fake_logits = self.logits(self.generator(fixed_normal(images, (self.latent_dim,)), told), told)
        real_logits, objective = self.logits(2 * images - 1, told), ADVERSARIAL_OBJECTIVES[self.objective]
        measured = self._measure(real_logits, fake_logits, objective.discriminator_loss(real_logits, fake_logits))
        measured["generator_loss"] = objective.generator_loss(fake_logits)
        log_means(self, split, measured, len(images))

    @property
    def protocol(self) -> dict[str, str]:
        """How each logged quantity of validation and test is measured."""
        fakes = "one fake an image, by the generator that trains, batch norm by running statistics"
        return {
            "value": f"E log D(x) + E log(1 - D(G(z))), nats, -log 4 = -1.3863 at the optimum; {fakes}",
            "d_real": "mean sigmoid of the logits of real images",
            "d_fake": f"mean sigmoid of the logits of fakes; {fakes}",
            "discriminator_accuracy": f"share of logits of the right sign, real and fake weighted alike; {fakes}",
            "discriminator_loss": f"of the {self.objective} objective, without penalty; {fakes}",
            "generator_loss": f"of the {self.objective} objective; {fakes}",
        }

    # What the mathematics gives

    @property
    def parts(self) -> dict[str, Part]:
        return {
            "generator": Part(self.decode, "z", ("images",), f"z ~ N(0, I) → images in [0, 1]{self.told_of_labels}")
        }

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (B, C, H, W) in [0, 1], labels (B,) → D before its sigmoid, (B,); without labels as in `decode`."""
        return self.logits(2 * images - 1, self.checked_labels(labels, len(images)))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (…, B, D), labels (B,) → images in [0, 1] (…, B, C, H, W), each a function of its own z and label.

        Without labels those of the null label, which only a model with `label_dropout` has learned. Batch norm uses its
        running statistics, whatever mode the model is in.
        """
        labels = self.checked_labels(labels, z.shape[-2])
        generator = self.generator if self.averaged_generator is None else self.averaged_generator
        training = generator.training
        try:
            images = generator.eval()(z.flatten(0, -2), repeated(labels, z.shape[:-1]))
        finally:
            generator.train(training)
        return (images.unflatten(0, z.shape[:-1]) + 1) / 2

    def sample(self, n: int, generator: torch.Generator | None = None, *, labels: Tensor | None = None) -> Tensor:
        """n images (n, C, H, W) in [0, 1]: decode(z) for z ~ N(0, I), which a CPU generator fixes.

        Labels (n,): see `genlab.capabilities.CanSampleLabels`.
        """
        z = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters()))
        return self.decode(z, self.labels_for(n, generator, labels))

    def generator_gradient_norms(
        self, objectives: Sequence[ObjectiveName], n: int, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """‖∇ generator_loss‖₂ with respect to the generator's weights under each objective, on one batch of n fakes.

        The model stays in its mode: in training mode batch norm uses the batch. Nothing changes, running statistics
        and gradients included.
        """
        weights = dict(self.generator.named_parameters())
        buffers = {name: buffer.clone() for name, buffer in self.generator.named_buffers()}
        z = torch.randn(n, self.latent_dim, generator=generator).to(next(self.parameters()))
        labels = self.labels_for(n, generator, None)
        with torch.enable_grad():
            fakes = functional_call(self.generator, {**weights, **buffers}, (z, labels))
            fake_logits = self.logits(fakes, labels)
            losses = {name: ADVERSARIAL_OBJECTIVES[name].generator_loss(fake_logits) for name in objectives}
            gradients = {
                name: torch.autograd.grad(loss, list(weights.values()), retain_graph=True)
                for name, loss in losses.items()
            }
        return {name: get_total_norm(gradient) for name, gradient in gradients.items()}
