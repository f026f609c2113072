"""Seconds of a training epoch: genlab against loops that one would write by hand.

    python benchmarks/throughput.py            # the VAE, about two minutes on two cores
    python benchmarks/throughput.py model=gan  # the GAN, about six

Each round times one epoch of every contender in turn, so that a machine whose speed drifts treats all alike; ratios
are taken round by round. Seconds are printed as they are measured. All train the same network on the 55,000 training
images of MNIST at the same batch size. genlab's epoch is timed as theirs, of training alone, and as its user sees it,
with validation, what it chooses (best.ckpt), and pictures.
"""

import argparse
import contextlib
import io
import multiprocessing
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from loops import Epoch, EpochTimer, lightning_gan, lightning_vae, plain_gan, plain_vae
from omegaconf import DictConfig
from pytorch_lightning import Callback

from genlab.callbacks.picture import Picture
from genlab.cli.overrides import check
from genlab.console.program import keep_quiet
from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import cache_folder
from genlab.runs.configuration import config_dir, register_resolvers
from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check
from genlab.training.train import build


def genlab_epoch(folder: Path, overrides: list[str], *timers: EpochTimer, whole: bool = False) -> Epoch:
    """`python train.py` with its logging, console and checkpoints; `whole`: with validation and pictures too.

    `timers` measure the same epochs by other clocks.
    """
    register_resolvers()
    settings = [f"run_dir={folder}", "trainer.accelerator=cpu", *overrides]
    if not whole:
        settings += ["trainer.limit_val_batches=0", "evaluate_every=0", "callbacks.checkpoints.monitor=null"]
    settings = check(settings)
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        cfg = compose("config", settings)
    if not whole:
        cfg.callbacks = {name: node for name, node in cfg.callbacks.items() if not _is_picture(node)}
    experiment = build(cfg)
    timer = EpochTimer()
    callbacks: list[Callback] = experiment.trainer.callbacks  # type: ignore[attr-defined]
    callbacks += [*timers, timer]

    def epoch() -> float:
        experiment.trainer.fit_loop.max_epochs = experiment.trainer.current_epoch + 1
        with contextlib.redirect_stdout(io.StringIO()):
            experiment.trainer.fit(experiment.model, datamodule=experiment.data)
        return timer.seconds

    return epoch


def _is_picture(callback: DictConfig) -> bool:
    return issubclass(get_class(callback._target_), Picture)


def contender(name: str, overrides: list[str], folder: Path, share: float) -> Epoch:
    """What trains an epoch on a share of the training images."""
    gan = "model=gan" in overrides
    if name in GENLAB:
        return genlab_epoch(folder, [f"trainer.limit_train_batches={share}", *overrides], whole=GENLAB[name])
    if name == LIGHTNING:
        return (lightning_gan if gan else lightning_vae)(cache_folder(), folder, share)
    data = ImageDataModule("mnist")
    data.setup()
    images = data.train_set.images[: int(share * len(data.train_set))]
    return (plain_gan if gan else plain_vae)(images.float().div(255))


def contend(name: str, overrides: list[str], folder: Path, pipe: Connection) -> None:
    """In a process of its own, since what one sets for its threads would serve or hurt the others: train when asked."""
    keep_quiet()
    torch.manual_seed(0)
    with contextlib.ExitStack() as stack:
        if name in GENLAB:
            stack.enter_context(flushed_denormals())
        if name != LIGHTNING:  # which sets this in whatever imports it, also in the plain loop's process
            stack.enter_context(quick_gpu_check())
        pipe.recv()
        warm_up = contender(name, overrides, folder / "warm-up", WARM_UP)()
        epoch = contender(name, overrides, folder / "epochs", 1.0)
        pipe.send(warm_up)
        while pipe.recv():
            pipe.send(epoch())


GENLAB = {"genlab": False, "genlab, validation, pictures": True}
PLAIN, LIGHTNING = "(a) plain loop, sliced tensor", "(b) Lightning, ToTensor"
CONTENDERS = (*GENLAB, PLAIN, LIGHTNING)
WARM_UP = 0.02  # of an epoch, in which a process starts its threads and libraries choose their kernels


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of a training epoch, against loops written by hand")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each")
    parser.add_argument("overrides", nargs="*", help="for genlab, such as model=gan or trainer.precision=bf16-mixed")
    arguments = parser.parse_args()
    ImageDataModule("mnist").prepare_data()
    spawn = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    rounds: list[dict[str, float]] = []
    print("seconds an epoch of:", "; ".join(CONTENDERS))
    with tempfile.TemporaryDirectory() as folder:
        for name in CONTENDERS:
            pipes[name], other = spawn.Pipe()
            own = Path(folder) / str(len(pipes))
            spawn.Process(target=contend, args=(name, arguments.overrides, own, other), daemon=True).start()
            other.close()  # so that a contender that dies is noticed
        for number in range(arguments.rounds + 1):
            print(f"round {number}" if number else "warm-up", end="", flush=True)
            rounds.append({})
            for name, pipe in pipes.items():
                rounds[-1][name] = _epoch(pipe)
                print(f"  {rounds[-1][name]:6.2f}", end="", flush=True)
            print()
        for pipe in pipes.values():
            pipe.send(False)
    print(f"seconds an epoch, {arguments.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in pipes:
        seconds = [timed[name] for timed in rounds[1:]]
        ratio = statistics.median(timed[name] / timed["genlab"] for timed in rounds[1:])
        each = " ".join(f"{duration:.2f}" for duration in seconds)
        print(f"{name:30} median {statistics.median(seconds):5.2f}   {ratio:.2f} x genlab   ({each})")


def _epoch(pipe: Connection) -> float:
    pipe.send(True)
    return float(pipe.recv())


if __name__ == "__main__":
    main()
