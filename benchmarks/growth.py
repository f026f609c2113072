"""How seconds grow: of an epoch with images, parameters and batch size; of the start with the runs under outputs.

    python benchmarks/growth.py --out growth.json --chart docs/images/growth.svg  # all of it, on a quiet machine
    python benchmarks/growth.py --parts batch runs                                # some of it
    python benchmarks/growth.py --read growth.json --chart docs/images/growth.svg # nothing measured, drawn again

Each run is a process of its own. An epoch's seconds are those of training in the second of two (the run's times.csv);
what is beside training are start, validation, checkpoints and test. The images are MNIST's, repeated with one pixel
changed: stand-ins, for the time only. Prints the tables of docs/speed.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from growth_chart import draw

import genlab
from genlab.data.datamodule import ImageDataModule
from genlab.runs.metrics import TIMES, read_times

QUICK = [  # what guards a run and measures it, but no pictures
    "trainer.accelerator=cpu",
    "callbacks=search",
    "callbacks.test_nll.images=1",
    "+callbacks.times._target_=genlab.callbacks.training_times.TrainingTimes",
    "logger=none",
]
ONE_BATCH = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"]
IMAGES = (10_000, 60_000, 600_000)  # that train
WIDTHS = (50, 500, 1300, 2800)  # of the two hidden layers of encoder and decoder: 0.1 to 20 million parameters
BATCHES = (32, 128, 512, 2048)
RUNS = (10, 1_000, 10_000)

Row = dict[str, float]  # the first is what was varied


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds against images, parameters, batch size and number of runs")
    parts = {"images": images, "parameters": parameters, "batch": batch_size, "runs": runs}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts), help="default: all")
    parser.add_argument("--read", type=Path, metavar="FILE", help="JSON of a former call, instead of measuring")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the JSON, written after each number")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="an SVG")
    arguments = parser.parse_args()
    measured: dict[str, Any] = {"machine": f"{torch.get_num_threads()} threads, torch {torch.__version__}", "parts": {}}
    if arguments.read:
        measured = json.loads(arguments.read.read_text(encoding="utf-8"))
    print(measured["machine"])
    with tempfile.TemporaryDirectory() as folder:
        for name in () if arguments.read else arguments.parts:
            for row in parts[name](Path(folder)):
                measured["parts"].setdefault(name, []).append(row)
                print(f"{name}: {row}", file=sys.stderr, flush=True)
                if arguments.out:
                    arguments.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    for rows in measured["parts"].values():
        print(f"\n{table(rows)}")
    if arguments.chart:
        arguments.chart.write_text(draw(measured["parts"]), encoding="utf-8")


def images(folder: Path) -> Iterator[Row]:
    """The default VAE on more and more images."""
    for n in IMAGES:
        file = _stand_ins(folder, n)
        run = _train(folder, "data=arrays", f"data.root={file}", "trainer.max_epochs=2")
        file.unlink()
        beside = {"seconds beside training": run.seconds - run.ends[-1], "GB of memory": run.gigabytes}
        yield {"training images": n, **run.row, **beside}


def parameters(folder: Path) -> Iterator[Row]:
    """Wider and wider VAEs on MNIST."""
    for width in WIDTHS:
        run = _train(folder, f"model.hidden_dims=[{width},{width}]", "trainer.max_epochs=2")
        count = sum(weight.numel() for weight in genlab.load(run.folder).parameters())
        yield {"parameters": count, **run.row}


def batch_size(folder: Path) -> Iterator[Row]:
    """The default VAE on MNIST in larger and larger batches."""
    for size in BATCHES:
        yield {"images a batch": size, **_train(folder, f"data.batch_size={size}", "trainer.max_epochs=2").row}


def runs(folder: Path) -> Iterator[Row]:
    """`genlab runs`, and a run of one batch, beside more and more copies of one run."""
    one = _train(folder, *ONE_BATCH).folder
    shutil.rmtree(one / "checkpoints")
    outputs = folder / "outputs_of_many"
    for n in RUNS:
        for i in range(n):
            if not (copy := outputs / "vae" / f"{one.name[:-8]}{i:08x}").exists():
                shutil.copytree(one, copy, copy_function=os.link)
        started = time.perf_counter()
        _genlab("runs", str(outputs))
        listed = time.perf_counter() - started
        run = _train(outputs, *ONE_BATCH)
        shutil.rmtree(run.folder)
        yield {"runs under outputs": n, "seconds of genlab runs": listed, "seconds of a run of one batch": run.seconds}


@dataclass
class Run:
    """A run folder, what its process took, and at which second of training each of its epochs ended."""

    folder: Path
    seconds: float
    gigabytes: float
    ends: list[float]

    @property
    def row(self) -> Row:
        return {"seconds an epoch": self.ends[1] - self.ends[0]}


def _train(outputs: Path, *overrides: str) -> Run:
    before = set(outputs.glob("vae/*"))
    started = time.perf_counter()
    gigabytes = _genlab("train", *QUICK, f"outputs={outputs}", *overrides)
    seconds = time.perf_counter() - started
    (folder,) = set(outputs.glob("vae/*")) - before
    return Run(folder, seconds, gigabytes, [end for _, _, end in read_times(folder / TIMES)])


def _genlab(*arguments: str) -> float:
    """Run a command; return the most memory that it held, in GB.

    Raises:
        SystemExit: it has failed.
    """
    with subprocess.Popen([sys.executable, "-m", "genlab.cli.main", *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"genlab {' '.join(arguments)} has failed")
    return usage.ru_maxrss / 2**20  # of KiB


def _stand_ins(folder: Path, n: int) -> Path:
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    pictures = data.train_set.images.numpy()
    rows = np.arange(n) % len(pictures)
    x, y = pictures[rows, 0], rows % 10
    x[np.arange(n), 0, (np.arange(n) // len(pictures)) % 28] = 255  # so that no two are equal
    others = {"x_val": x[:1000], "y_val": y[:1000], "x_test": x[:1000], "y_test": y[:1000]}
    file = folder / "stand_ins.npz"
    np.savez(file, x_train=x, y_train=y, **others)
    return file


def table(rows: list[Row]) -> str:
    """In Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[f"{x:,.0f}" if x == round(x) else f"{x:,.1f}" for x in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
