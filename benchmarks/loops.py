"""Training loops as one would write them by hand, with genlab's networks: an epoch of each, in seconds.

The plain loops train where their images are. On a GPU their Adam is fused, and no batch waits for another.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from genlab.networks import image_decoder, image_encoder
from genlab.networks.discriminators import image_discriminator
from genlab.networks.generators import image_generator

Epoch = Callable[[], float]  # trains one epoch and returns its seconds

SHAPE, N_TRAIN = (1, 28, 28), 55_000
VAE_BATCH, VAE_LATENT = 128, 20
GAN_BATCH, GAN_LATENT = 64, 100


class EpochTimer(Callback):
    """Seconds from the start of an epoch to the end of training, checkpoints written.

    Args:
        clock: whose seconds; those of the wall, or `time.process_time`.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = self._clock()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = self._clock() - self._started


def slices(images: Tensor, batch_size: int) -> Iterable[Tensor]:
    """The images in a new order, as slices of one tensor in memory."""
    return (images[rows] for rows in torch.randperm(len(images), device=images.device).split(batch_size))


def clock(device: torch.device) -> float:
    """Seconds, when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def torchvision_loader(
    root: Path, batch_size: int, transform: Callable[..., Tensor]
) -> DataLoader[tuple[Tensor, Tensor]]:
    """torchvision's MNIST with a transform of each image, as tutorials have it."""
    images = Subset(MNIST(root, train=True, transform=transform), range(N_TRAIN))
    return DataLoader(images, batch_size=batch_size, shuffle=True)


class HandWrittenVAE(LightningModule):
    """The default VAE with torch.bernoulli and the default Adam."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = image_encoder("mlp", SHAPE, [500], 2 * VAE_LATENT)
        self.decoder = image_decoder("mlp", SHAPE, [500], VAE_LATENT)

    def loss(self, images: Tensor) -> Tensor:
        x = torch.bernoulli(images)
        mu, log_var = self.encoder(x).chunk(2, dim=-1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        cross_entropy = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").flatten(1).sum(-1)
        kl = 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(-1)
        return (cross_entropy + kl).mean()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = self.loss(batch[0])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def plain_vae(images: Tensor) -> Epoch:
    """A plain loop over the sliced tensor."""
    device = images.device
    model = HandWrittenVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=device.type == "cuda")

    def epoch() -> float:
        started = clock(device)
        for batch in slices(images, VAE_BATCH):
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()
        return clock(device) - started

    return epoch


def lightning_vae(root: Path, folder: Path, share: float = 1.0) -> Epoch:
    """The same model in Lightning, which logs its loss at each step, on torchvision's loader, or a share of it."""
    return _lightning_epoch(HandWrittenVAE(), torchvision_loader(root, VAE_BATCH, ToTensor()), folder, share)


def _lightning_epoch(
    model: LightningModule, loader: DataLoader[tuple[Tensor, Tensor]], folder: Path, share: float
) -> Epoch:
    def epoch() -> float:
        timer = EpochTimer()
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": folder}
        trainer = Trainer(accelerator="cpu", max_epochs=1, limit_train_batches=share, callbacks=[timer], **quiet)  # type: ignore[arg-type]
        trainer.fit(model, loader)
        return timer.seconds

    return epoch


def gan_players(
    fused: bool, device: torch.device | str = "cpu"
) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, torch.optim.Optimizer]:
    """Generator and discriminator of the default GAN, and their optimizers."""
    generator = image_generator("mlp", SHAPE, GAN_LATENT).to(device)
    discriminator = image_discriminator("mlp", SHAPE).to(device)
    generator_adam, discriminator_adam = (
        torch.optim.Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=fused)
        for player in (generator, discriminator)
    )
    return generator, discriminator, generator_adam, discriminator_adam


def plain_gan(images: Tensor) -> Epoch:
    """A plain loop over the sliced tensor that uses one pass of the generator for both players, with fused Adam."""
    device = images.device
    generator, discriminator, generator_adam, discriminator_adam = gan_players(fused=True, device=device)

    def epoch() -> float:
        started = clock(device)
        for batch in slices(images, GAN_BATCH):
            fake = generator(torch.randn(len(batch), GAN_LATENT, device=device))
            discriminator_adam.zero_grad()
            real_loss = F.softplus(-discriminator(2 * batch - 1)).mean()
            (real_loss + F.softplus(discriminator(fake.detach())).mean()).backward()
            discriminator_adam.step()
            generator_adam.zero_grad()
            discriminator.requires_grad_(False)
            F.softplus(-discriminator(fake)).mean().backward()
            discriminator.requires_grad_(True)
            generator_adam.step()
        return clock(device) - started

    return epoch


class HandWrittenGAN(LightningModule):
    """The default GAN as tutorials for Lightning have it: a pass of the generator for each player, the default Adam."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator, *self.adams = gan_players(fused=False)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images = batch[0]
        noise = torch.randn(2, len(images), GAN_LATENT, device=images.device)
        generator_adam, discriminator_adam = self.optimizers()  # type: ignore[attr-defined]

        self.toggle_optimizer(generator_adam)
        logits = self.discriminator(self.generator(noise[0]))
        generator_loss = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        self.log("generator_loss", generator_loss)
        self.manual_backward(generator_loss)
        generator_adam.step()
        generator_adam.zero_grad()
        self.untoggle_optimizer(generator_adam)

        self.toggle_optimizer(discriminator_adam)
        real_logits, fake_logits = self.discriminator(images), self.discriminator(self.generator(noise[1]).detach())
        real_loss = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
        fake_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
        discriminator_loss = (real_loss + fake_loss) / 2
        self.log("discriminator_loss", discriminator_loss)
        self.manual_backward(discriminator_loss)
        discriminator_adam.step()
        discriminator_adam.zero_grad()
        self.untoggle_optimizer(discriminator_adam)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.adams


def lightning_gan(root: Path, folder: Path, share: float = 1.0) -> Epoch:
    """The common way: see `HandWrittenGAN`, on torchvision's loader, which scales the images to the Tanh's range."""
    transform = Compose([ToTensor(), Normalize([0.5], [0.5])])  # to [-1, 1]
    return _lightning_epoch(HandWrittenGAN(), torchvision_loader(root, GAN_BATCH, transform), folder, share)
