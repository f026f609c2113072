"""Seconds of a training epoch: genlab against loops that one would write by hand.

    python benchmarks/throughput.py            # the VAE, about two minutes on two cores
    python benchmarks/throughput.py model=gan  # the GAN, about six

Each round times one epoch of every contender in turn, so that a machine whose speed drifts treats all alike; ratios
are taken round by round. All train the same network on the 55,000 training images of MNIST at the same batch size.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from loops import Epoch, EpochTimer, lightning_gan, lightning_vae, plain_gan, plain_vae
from omegaconf import DictConfig
from pytorch_lightning import Callback

from genlab.callbacks.picture import Picture
from genlab.configuration import config_dir, register_resolvers
from genlab.data.datamodule import ImageDataModule
from genlab.overrides import check
from genlab.quick_cpu import flushed_denormals, quick_gpu_check
from genlab.quiet import keep_quiet
from genlab.training import build


def genlab_epoch(folder: Path, overrides: list[str], pictures: bool) -> Epoch:
    """`python train.py` with its logging, console and checkpoints; validation is not counted."""
    register_resolvers()
    settings = [f"run_dir={folder}", "trainer.accelerator=cpu", *check(overrides)]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        cfg = compose("config", settings)
    if not pictures:
        cfg.callbacks = {name: node for name, node in cfg.callbacks.items() if not _is_picture(node)}
    experiment = build(cfg)
    timer = EpochTimer()
    callbacks: list[Callback] = experiment.trainer.callbacks  # type: ignore[attr-defined]
    callbacks.append(timer)

    def epoch() -> float:
        experiment.trainer.fit_loop.max_epochs = experiment.trainer.current_epoch + 1
        with flushed_denormals(), quick_gpu_check(), contextlib.redirect_stdout(io.StringIO()):
            experiment.trainer.fit(experiment.model, datamodule=experiment.data)
        return timer.seconds

    return epoch


def _is_picture(callback: DictConfig) -> bool:
    return issubclass(get_class(callback._target_), Picture)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of a training epoch, against loops written by hand")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each, after one that is not counted")
    parser.add_argument("--pictures", action="store_true", help="count the pictures after each epoch too")
    parser.add_argument("overrides", nargs="*", help="for genlab, such as model=gan or trainer.precision=bf16-mixed")
    arguments = parser.parse_args()
    keep_quiet()
    torch.manual_seed(0)
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    images, root = data.train_set.images.float().div(255), data.root_folder()
    with tempfile.TemporaryDirectory() as folder:
        contenders = {"genlab": genlab_epoch(Path(folder) / "genlab", arguments.overrides, arguments.pictures)}
        if "model=gan" in arguments.overrides:
            contenders["(a) plain loop, one generator pass"] = plain_gan(images)
            contenders["(b) Lightning, a pass each, ToTensor"] = lightning_gan(root, Path(folder) / "lightning")
        else:
            contenders["(a) plain loop, sliced tensor"] = plain_vae(images)
            contenders["(b) Lightning, ToTensor"] = lightning_vae(root, Path(folder) / "lightning")
        rounds = [{name: epoch() for name, epoch in contenders.items()} for _ in range(arguments.rounds + 1)]
    print(f"seconds an epoch, {arguments.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in contenders:
        seconds = [timed[name] for timed in rounds[1:]]
        ratio = statistics.median(timed[name] / timed["genlab"] for timed in rounds[1:])
        each = " ".join(f"{duration:.2f}" for duration in seconds)
        print(f"{name:36} median {statistics.median(seconds):5.2f}   {ratio:.2f} x genlab   ({each})")


if __name__ == "__main__":
    main()
