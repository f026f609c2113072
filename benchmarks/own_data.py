"""Seconds of a training epoch on images of one's own against MNIST's: the same images, read in three ways.

    python benchmarks/own_data.py                       # the VAE, some four minutes on two cores
    python benchmarks/own_data.py --rounds 3 model=gan

MNIST's images are written as one .npz file (`data=arrays`) and as a PNG file each, in a folder a class (`data=folder`).
Each round trains an epoch on each, in an order that rotates, and ratios are taken round by round. Wall time is what a
user waits for; processor time, of all threads in the same epochs, is less disturbed by what else the machine does.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loops import EpochTimer
from PIL import Image
from throughput import genlab_epoch

from genlab.console.program import keep_quiet
from genlab.data.datamodule import ImageDataModule
from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check

GOAL = 1.05  # of MNIST's epoch, at most
KINDS = "mnist", "arrays", "folder"


def write_own(folder: Path) -> None:
    """Write MNIST's images as `arrays.npz` and as a folder `png`."""
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    splits = {"train": (data.train_set, data.val_set), "test": (data.test_set,)}
    arrays: dict[str, Any] = {}
    for split, parts in splits.items():
        images = np.concatenate([part.images.squeeze(1).numpy() for part in parts])
        labels = np.concatenate([part.labels.numpy() for part in parts])
        arrays |= {f"x_{split}": images, f"y_{split}": labels}
        for label in range(10):
            (folder / "png" / split / str(label)).mkdir(parents=True)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(folder / "png" / split / str(label) / f"{number:05}.png")
    np.savez(folder / "arrays.npz", **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds of a training epoch on images of one's own, against MNIST's")
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each, after one that is not counted")
    parser.add_argument("overrides", nargs="*", help="such as model=gan or trainer.precision=bf16-mixed")
    arguments = parser.parse_args()
    keep_quiet()
    timed: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name, flushed_denormals(), quick_gpu_check():
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")  # the folder is decoded into the user's cache
        write_own(folder)
        roots = {"mnist": "null", "arrays": str(folder / "arrays.npz"), "folder": str(folder / "png")}
        epochs, processors = {}, {}
        for kind, root in roots.items():
            processors[kind] = EpochTimer(time.process_time)
            overrides = [f"data={kind}", f"data.root={root}", *arguments.overrides]
            epochs[kind] = genlab_epoch(folder / kind, overrides, processors[kind])
        for number in range(arguments.rounds + 1):
            for kind in (*KINDS[number % 3 :], *KINDS[: number % 3]):
                wall = epochs[kind]()
                timed[kind].append((wall, processors[kind].seconds))
    print(f"seconds an epoch, {arguments.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for place, clock in enumerate(("wall", "processor")):
        for kind in KINDS:
            seconds = [both[place] for both in timed[kind][1:]]
            ratios = [ours / mnist[place] for ours, mnist in zip(seconds, timed["mnist"][1:], strict=True)]
            ratio, each = statistics.median(ratios), " ".join(f"{duration:.2f}" for duration in seconds)
            verdict = f"goal {GOAL} {'reached' if ratio <= GOAL else 'missed'}   " if kind != "mnist" else ""
            print(
                f"{clock:9} {kind:7} median {statistics.median(seconds):5.2f}   {ratio:.3f} x mnist   {verdict}({each})"
            )


if __name__ == "__main__":
    main()
