"""How seconds grow: of an epoch with images, parameters and batch size; of the listing with runs under outputs.

    python benchmarks/growth.py                       # everything: about fifteen minutes on two cores
    python benchmarks/growth.py --parts batch runs    # some of it

An epoch's seconds are those of training in the second of two (the run's times.csv). The images are MNIST's, repeated
with one pixel changed: stand-ins, for the time only.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import genlab
from genlab.data.datamodule import ImageDataModule
from genlab.runs.times import FILE, read_times

QUICK = [  # what guards a run and measures it, but no pictures
    "trainer.accelerator=cpu",
    "callbacks=search",
    "callbacks.test_nll.images=1",
    "+callbacks.times._target_=genlab.callbacks.training_times.TrainingTimes",
    "logger=none",
]
IMAGES = (10_000, 60_000, 600_000)
WIDTHS = (50, 500, 2000, 4000)  # of the two hidden layers of encoder and decoder
BATCHES = (32, 128, 512, 2048)
RUNS = (10, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds against images, parameters, batch size and number of runs")
    parts = {"images": images, "parameters": parameters, "batch": batch_size, "runs": runs}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts), help="default: all")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.parts:
            for line in parts[name](Path(folder)):
                print(f"{name:12}{line}", flush=True)


def images(folder: Path) -> Iterator[str]:
    """An epoch of the default VAE over more and more images."""
    for n in IMAGES:
        file = _stand_ins(folder, n)
        seconds = _epoch(folder, "data=arrays", f"data.root={file}")
        yield f"{n:10,} images      {seconds:8.2f} s   {1e6 * seconds / n:6.1f} µs an image"
        file.unlink()


def parameters(folder: Path) -> Iterator[str]:
    """An epoch of wider and wider VAEs."""
    for width in WIDTHS:
        run = _run(folder, f"model.hidden_dims=[{width},{width}]")
        count, seconds = sum(weight.numel() for weight in run.model.parameters()), _seconds(run)
        yield f"{count:10,} parameters  {seconds:8.2f} s   {1e6 * seconds / count:6.2f} s a million parameters"


def batch_size(folder: Path) -> Iterator[str]:
    """An epoch of the default VAE in larger and larger batches."""
    for size in BATCHES:
        yield f"{size:10,} a batch     {_epoch(folder, f'data.batch_size={size}'):8.2f} s"


def runs(folder: Path) -> Iterator[str]:
    """`genlab runs` over copies of one run."""
    one = _run(folder, "trainer.limit_train_batches=10").folder
    shutil.rmtree(one / "checkpoints")
    outputs = folder / "outputs_of_many" / "vae"
    for n in RUNS:
        for i in range(n):
            if not (copy := outputs / f"{one.name[:-8]}{i:08x}").exists():
                shutil.copytree(one, copy)
        listing = [sys.executable, "-m", "genlab.cli.main", "runs", str(outputs.parent)]
        started = time.perf_counter()
        subprocess.run(listing, check=True, capture_output=True)
        yield f"{n:10,} runs        {time.perf_counter() - started:8.2f} s for genlab runs"


def _run(folder: Path, *overrides: str) -> "genlab.Run":
    return genlab.train("trainer.max_epochs=2", *QUICK, f"outputs={folder / 'outputs'}", *overrides)


def _epoch(folder: Path, *overrides: str) -> float:
    return _seconds(_run(folder, *overrides))


def _seconds(run: "genlab.Run") -> float:
    """Of the second epoch."""
    (_, _, first), (_, _, second) = read_times(run.folder / FILE)
    return second - first


def _stand_ins(folder: Path, n: int) -> Path:
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    pictures = data.train_set.images.numpy()
    rows = np.arange(n) % len(pictures)
    x = pictures[rows, 0]
    x[np.arange(n), 0, (np.arange(n) // len(pictures)) % 28] = 255  # so that no two are equal
    file = folder / "stand_ins.npz"
    np.savez(file, x_train=x, y_train=rows % 10, x_test=x[:1000], y_test=rows[:1000] % 10)
    return file


if __name__ == "__main__":
    main()
