"""Seconds of a training epoch, genlab against two loops that one would write by hand.

    python benchmarks/throughput.py            # about three minutes on two cores
    python benchmarks/throughput.py --rounds 5

Each round times one epoch of every contender in turn, so that a machine whose speed drifts treats all alike; the ratios
are medians over the rounds. All train the default VAE (784-500-20, batch 128) on the 55,000 training images.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from genlab.configuration import config_dir, register_resolvers
from genlab.data.datamodule import ImageDataModule
from genlab.launch import keep_quiet
from genlab.overrides import check
from genlab.training import build

BATCH, N_TRAIN, LATENT = 128, 55_000, 20

Epoch = Callable[[], float]  # trains one epoch and returns its seconds


class HandWrittenVAE(nn.Module):
    """The default network as one would write it without genlab."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 500), nn.ReLU(), nn.Linear(500, 784))

    def loss(self, images: Tensor) -> Tensor:
        x = torch.bernoulli(images)
        mu, log_var = self.encoder(x).chunk(2, dim=-1)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        cross_entropy = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(-1)
        kl = 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(-1)
        return (cross_entropy + kl).mean()


class EpochTimer(Callback):
    """Seconds from the start of the epoch to the end of `fit`'s training, checkpoint written, without validation."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validation_started = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started += time.perf_counter() - self._validation_started

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds = time.perf_counter() - self._started


def genlab_epoch(folder: Path, overrides: list[str]) -> Epoch:
    """`python train.py` as it is: logging, console, pictures and checkpoints are on."""
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        cfg = compose("config", [f"run_dir={folder}", "trainer.max_epochs=1000000", *overrides])
    experiment = build(cfg)
    timer = EpochTimer()
    experiment.trainer.callbacks.append(timer)  # type: ignore[attr-defined]

    def epoch() -> float:
        loop = experiment.trainer.fit_loop
        loop.max_epochs = experiment.trainer.current_epoch + 1
        with contextlib.redirect_stdout(io.StringIO()):
            experiment.trainer.fit(experiment.model, datamodule=experiment.data)
        return timer.seconds

    return epoch


def plain_epoch(images: Tensor) -> Epoch:
    """A plain loop over slices of one float tensor, with the default Adam and torch.bernoulli."""
    model = HandWrittenVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch() -> float:
        started = time.perf_counter()
        for rows in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            model.loss(images[rows]).backward()
            optimizer.step()
        return time.perf_counter() - started

    return epoch


class LightningVAE(LightningModule):
    """The same network in Lightning, logging its loss at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.net = HandWrittenVAE()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = self.net.loss(batch[0].flatten(1))
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def lightning_epoch(folder: Path, root: Path) -> Epoch:
    """Lightning with torchvision's MNIST and ToTensor, as its tutorials have it."""
    dataset = Subset(MNIST(root, train=True, transform=ToTensor()), range(N_TRAIN))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    model = LightningVAE()

    def epoch() -> float:
        timer = EpochTimer()
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            callbacks=[timer],
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(model, loader)
        return timer.seconds

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of a training epoch of the default VAE")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each contender, after one that is not counted")
    parser.add_argument("overrides", nargs="*", help="for genlab alone, such as trainer.precision=bf16-mixed")
    arguments = parser.parse_args()
    keep_quiet()
    torch.manual_seed(0)
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    images = data.train_set.images.flatten(1).float().div(255)
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Epoch] = {
            "genlab": genlab_epoch(Path(folder) / "genlab", ["trainer.accelerator=cpu", *check(arguments.overrides)]),
            "(a) plain loop, sliced tensor": plain_epoch(images),
            "(b) Lightning, ToTensor": lightning_epoch(Path(folder) / "lightning", data.root_folder()),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(arguments.rounds + 1):
            for name, epoch in contenders.items():
                duration = epoch()
                if number:  # the first warms up
                    seconds[name].append(duration)
    print(f"seconds an epoch, {arguments.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, durations in seconds.items():
        ratio = statistics.median(theirs / ours for theirs, ours in zip(durations, seconds["genlab"], strict=True))
        rounds = " ".join(f"{duration:.2f}" for duration in durations)
        print(f"{name:32} median {statistics.median(durations):.2f}   genlab is {ratio:.2f} times as fast   ({rounds})")


if __name__ == "__main__":
    main()
