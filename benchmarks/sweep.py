"""Seconds of a sweep: jobs of one thread side by side, against one job after the other with all threads.

    python benchmarks/sweep.py                    # 8 VAE runs of 3 epochs, each way twice
    python benchmarks/sweep.py --jobs 2 --rounds 1 debug=fast

Each round runs the same jobs in both ways, in turn, so that a machine whose speed drifts treats both alike. The seconds
are those of the whole command: the start of the processes, the pictures and the tests are counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib

from genlab.sweeps.placement import threads_each

TRAIN = [sys.executable, str(Path(__file__).resolve().parents[1] / "train.py"), "-m"]


def sweep(folder: Path, jobs: int, at_once: int, overrides: list[str]) -> float:
    """Seconds of a sweep over seeds; every job must finish."""
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={at_once}"] if at_once > 1 else []
    seeds = f"seed={','.join(map(str, range(jobs)))}"
    # both ways divide the cores by themselves
    variables = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [*TRAIN, *launcher, seeds, "trainer.accelerator=cpu", *overrides, f"hydra.sweep.dir={folder}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=variables)
    seconds = time.perf_counter() - started
    results = json.loads((folder / "sweep.json").read_text())["results"]
    if [result["status"] for result in results] != ["finished"] * jobs:
        raise RuntimeError(f"{folder}: a job has not finished")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Jobs side by side against one after the other")
    parser.add_argument("--jobs", type=int, default=8, help="runs of each sweep")
    parser.add_argument("--at-once", type=int, default=joblib.cpu_count(), help="side by side (default: the cores)")
    parser.add_argument("--rounds", type=int, default=2, help="each way is timed so many times")
    parser.add_argument("overrides", nargs="*", help="for genlab (default: model=vae trainer.max_epochs=3)")
    arguments = parser.parse_args()
    overrides = arguments.overrides or ["model=vae", "trainer.max_epochs=3"]
    cores, at_once = joblib.cpu_count(), arguments.at_once
    threads = threads_each(at_once)
    ways = {f"one after the other, {cores} threads": 1, f"{at_once} at once, {threads} threads each": at_once}
    timed: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for name, side_by_side in ways.items():
                made = Path(folder) / f"{number}_{side_by_side}"
                timed[name].append(sweep(made, arguments.jobs, side_by_side, overrides))
    first = next(iter(timed.values()))
    print(f"seconds of {arguments.jobs} jobs, {arguments.rounds} rounds, {cores} cores: {' '.join(overrides)}")
    for name, seconds in timed.items():
        ratio = statistics.median(one / other for one, other in zip(first, seconds, strict=True))
        each = " ".join(f"{duration:.1f}" for duration in seconds)
        print(f"{name:34} median {statistics.median(seconds):6.1f}   {ratio:.2f} x as fast   ({each})")


if __name__ == "__main__":
    main()
