"""genlab on one GPU: does it train there what it trains on the CPU, and how fast.

    python benchmarks/gpu.py --out gpu.json                         # five minutes on an H100 with 16 cores
    python benchmarks/gpu.py --parts speed --models vae             # seconds an epoch only
    python benchmarks/gpu.py --device cpu --parts train,resume      # a rehearsal where there is no GPU

Prints a table and writes JSON. Each part stands alone: one that fails has its error in the table.

- `train`: a short run of each family on the CPU, and on the GPU in float32 and with `precision=auto`; their metrics of
  validation and test, and those of the CPU's weights measured on the GPU.
- `same_seed`: `trainer=gpu` twice; weights and optimizers must be equal to the bit.
- `resume`: the same run killed (SIGKILL) after its first checkpoint and resumed; likewise, and metrics.csv too.
- `captured`: `trainer.compile=true data.on_device=true` with `trainer=gpu`: twice, killed and resumed, and against the
  same run without both.
- `evaluate`: `genlab evaluate` and `genlab sample` with `--device cuda`, against `--device cpu`.
- `oom`: a batch too large for the memory that the process may use is answered in one line.
- `speed`: seconds of an epoch, synchronised, in turn with a plain loop and Lightning with an ordinary DataLoader.
- `profile`: where the time of a captured batch goes.
"""

import argparse
import csv
import json
import multiprocessing
import os
import runpy
import signal
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = ("autoencoder", "vae", "gan", "flow", "autoregressive", "flow_matching")
CORRECT = ("train", "same_seed", "resume", "captured", "evaluate", "oom")
PARTS = (*CORRECT, "speed", "profile")
SPEED_MODELS = ("vae", "gan")

# |GPU − CPU| / max(1, |CPU|) of each metric. The same weights differ by rounding: float32 convolutions may use TF32,
# bfloat16 has 8 bits. Two trainings differ by the noise besides, which each device draws in its own way: 4·√2·s, where
# s is the standard deviation of the same 50 batches over 12 seeds of the noise on the CPU, of the metric that varies
# most (VAE: 0.059, the KL; GAN over 10 seeds: 0.025, its value). The autoencoder has none; the exact likelihoods of
# flow and transformer hardly depend on it, and their tolerance was not derived, nor was that of flow matching
SAME_WEIGHTS = {"float32": 2e-3, "auto": 3e-2}
TRAINED = {"autoencoder": 2e-2, "vae": 0.34, "gan": 0.15, "flow": 0.01, "autoregressive": 0.01, "flow_matching": 0.05}
SCHEDULED = ("flow", "autoregressive", "flow_matching")  # whose learning rates float32 rounds in a captured step
CAPTURED = 1e-2
SCORES = 0.1  # of evaluate: sampled pixels near a threshold fall on either side
OWN_NOISE = ("fid_mnist",)  # of few samples of two models: nothing to compare
SHORT = ["trainer.limit_val_batches=2", "trainer.limit_test_batches=2", "trainer.log_every_n_steps=10"]
SHORT += ["callbacks.test_nll.images=32", "callbacks.test_nll.samples=20", "callbacks.sample_quality.n=200"]
SHORT += ["callbacks.ex_post_samples.images=1000"]
PRELOADED = ["genlab.cli.train", "genlab.cli.evaluate", "genlab.cli.sample", "genlab.training.resume"]
PRELOADED += ["genlab.training.train", "genlab.training.scoring", "torch.utils.tensorboard", "loops"]


@dataclass
class Row:
    """One line of the table."""

    part: str
    name: str
    result: str
    ok: bool | None = None  # None: a number, not a check
    seconds: float = 0.0


class Table:
    """Rows, printed as they come and kept for the JSON; numbers besides."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        self.rows: list[Row] = []
        self.numbers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def add(self, row: Row) -> None:
        with self._lock:
            self.rows.append(row)
            print(line(row), flush=True)
            self.write()

    def write(self) -> None:
        """After each row, so that what is there outlives a time limit."""
        if self.out is not None:
            written = {"numbers": self.numbers, "rows": [asdict(row) for row in self.rows]}
            self.out.write_text(json.dumps(written, indent=1, default=str) + "\n")

    @contextmanager
    def guarded(self, part: str, name: str) -> Iterator[None]:
        """What fails inside is a row, and ends nothing else."""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            words, place = " ".join(str(error).split())[-700:], f"{Path(where.filename).name}:{where.lineno}"
            text = f"{type(error).__name__}: {words} ({place})"
            self.add(Row(part, name, text, ok=False, seconds=time.perf_counter() - started))


def line(row: Row) -> str:
    mark = {True: "ok  ", False: "FAIL", None: "    "}[row.ok]
    return f"{mark} {row.part:<10} {row.name:<34} {row.seconds:6.1f} s   {row.result}"


# Processes: a server imports torch once, and each forks from it before anything has touched the GPU


def start_server() -> Any:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOADED)
    return server


class Command:
    """`python train.py ARGUMENTS` or `genlab ARGUMENTS` in a process of its own, its output in files."""

    def __init__(
        self, server: Any, folder: Path, program: str, arguments: list[str], threads: int, fraction: float = 0.0
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.out, self.err, self.peak = folder / "out.txt", folder / "err.txt", folder / "peak.json"
        given = program, folder, arguments, threads, fraction, self.out, self.err, self.peak
        self.process = server.Process(target=_run_command, args=given, daemon=True)
        self.process.start()

    def end(self, timeout: float) -> int:
        """Wait → exit code.

        Raises:
            TimeoutError: it took longer, and was killed.
        """
        self.process.join(timeout)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"longer than {timeout:.0f} s; it said: {tail(self.out)} {tail(self.err)}")
        return int(self.process.exitcode)

    def must_end(self, timeout: float) -> None:
        """Wait.

        Raises:
            RuntimeError: the exit code is not 0.
        """
        code = self.end(timeout)
        if code != 0:
            raise RuntimeError(f"exit code {code}: {tail(self.err) or tail(self.out)}")

    def peak_mib(self) -> float:
        """Of the GPU's memory that tensors had; 0 on a CPU."""
        return float(json.loads(self.peak.read_text())["allocated"]) / 2**20 if self.peak.exists() else 0.0


def _run_command(
    program: str, folder: Path, arguments: list[str], threads: int, fraction: float, out: Path, err: Path, peak: Path
) -> None:
    for number, path in ((1, out), (2, err)):
        with path.open("w") as file:
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.chdir(folder)
    import torch

    torch.set_num_threads(threads)
    if fraction:
        torch.cuda.set_per_process_memory_fraction(fraction)
    path = ROOT / "train.py" if program == "train" else ROOT / "genlab" / "cli" / "main.py"
    sys.argv = [str(path), *arguments]
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            memory = {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}
            peak.write_text(json.dumps(memory))
        sys.stdout.flush()
        sys.stderr.flush()


def call(server: Any, function: Callable[..., Any], *args: Any, timeout: float) -> Any:
    """What a function returns that runs in a process of its own.

    Raises:
        TimeoutError: it took longer, and was killed.
        RuntimeError: it raised.
    """
    ours, theirs = server.Pipe(duplex=False)
    process = server.Process(target=_answer, args=(function, args, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(timeout):
            raise TimeoutError(f"longer than {timeout:.0f} s")
        result, error = ours.recv()
    except EOFError:
        raise RuntimeError("the process has died") from None
    finally:
        process.kill()
    if error is not None:
        raise RuntimeError(error)
    return result


def _answer(function: Callable[..., Any], args: tuple[Any, ...], pipe: Any) -> None:
    try:
        pipe.send((function(*args), None))
    except Exception:
        pipe.send((None, traceback.format_exc()[-1500:]))


def tail(path: Path, characters: int = 500) -> str:
    return " ".join(path.read_text(errors="replace").split())[-characters:] if path.exists() else ""


# Correctness: one chain of commands for each family


@dataclass
class Bench:
    """What the parts share."""

    server: Any
    table: Table
    folder: Path
    parts: tuple[str, ...]
    models: tuple[str, ...]
    device: str  # cuda | cpu
    settings: list[str]  # of every run
    batches: int
    threads: int
    timeout: float  # of one command

    @property
    def accelerator(self) -> str:
        return "gpu" if self.device == "cuda" else "cpu"

    @property
    def reproducible(self) -> list[str]:
        """`trainer=gpu`, the preset under test; the rehearsal has its stand-in."""
        return ["trainer=gpu"] if self.device == "cuda" else ["trainer=cpu", "trainer.deterministic=true"]

    @property
    def captured(self) -> list[str]:
        """What is new in a captured run; the rehearsal has one half of it."""
        return ["data.on_device=true", *(["trainer.compile=true"] if self.device == "cuda" else [])]

    def train(self, family: str, name: str, *overrides: str) -> tuple[Command, Path]:
        """Begin a run of a family."""
        run = self.folder / family / name
        arguments = [f"model={family}", f"hydra.run.dir={run}", *self.settings, *overrides]
        return Command(self.server, run.with_name(f"{name}_process"), "train", arguments, self.threads), run

    def genlab(self, family: str, name: str, *arguments: str) -> Command:
        return Command(self.server, self.folder / family / f"{name}_process", "genlab", list(arguments), self.threads)


def check_family(bench: Bench, family: str) -> None:
    """All checks of one family; each that fails leaves the others."""
    trained: Path | None = None
    if {"train", "evaluate"} & set(bench.parts):
        with bench.table.guarded("train", family):
            trained = check_training(bench, family)
    if "evaluate" in bench.parts and trained is not None:
        with bench.table.guarded("evaluate", family):
            check_evaluation(bench, family, trained)
        with bench.table.guarded("evaluate", f"{family} sample"):
            check_samples(bench, family, trained)
    if {"same_seed", "resume"} & set(bench.parts):
        with bench.table.guarded("same_seed", family):
            check_repetition(bench, family)
    if "captured" in bench.parts:
        with bench.table.guarded("captured", family):
            check_captured(bench, family)


def check_training(bench: Bench, family: str) -> Path:
    """On the CPU, on the GPU in float32, and with precision=auto; return the folder of the second."""
    short = [*SHORT, "trainer.max_epochs=1", f"trainer.limit_train_batches={bench.batches}"]
    ways = {
        "cpu": ["trainer.accelerator=cpu", "trainer.precision=32-true"],
        "float32": [f"trainer.accelerator={bench.accelerator}", "trainer.precision=32-true"],
        "auto": [f"trainer.accelerator={bench.accelerator}", "trainer.precision=auto"],
    }
    runs: dict[str, Path] = {}
    for name, settings in ways.items():
        started = time.perf_counter()
        command, runs[name] = bench.train(family, name, *short, *settings)
        command.must_end(bench.timeout)
        if name == "cpu":
            expected = metrics_of(runs[name])
            continue
        worst, off = furthest(metrics_of(runs[name]), expected)
        text = f"{bench.batches} batches, furthest from the CPU's: {worst}; peak {command.peak_mib():.0f} MiB"
        tolerance = TRAINED[family]
        row = Row(
            "train",
            f"{family} {name}",
            f"{text} (tolerance {tolerance})",
            off <= tolerance,
            time.perf_counter() - started,
        )
        bench.table.add(row)
        bench.table.numbers.setdefault("trained", {})[f"{family} {name}"] = {
            "metrics": metrics_of(runs[name]),
            "cpu": expected,
            "peak_mib": command.peak_mib(),
        }
    for name in ("float32", "auto"):
        with bench.table.guarded("train", f"{family} same weights {name}"):
            started = time.perf_counter()
            precision = "32-true" if name == "float32" else "bf16-mixed"
            here, there = call(
                bench.server, validate_both, runs["cpu"], bench.accelerator, precision, timeout=bench.timeout
            )
            worst, off = furthest(there, here)
            tolerance = SAME_WEIGHTS[name]
            row = Row(
                "train", f"{family} same weights {name}", f"furthest: {worst} (tolerance {tolerance})", off <= tolerance
            )
            row.seconds = time.perf_counter() - started
            bench.table.add(row)
    return runs["float32"]


def metrics_of(run: Path) -> dict[str, float]:
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    return {
        name: value
        for name, value in metrics.items()
        if name.split("/")[0] in ("val", "test") and name.split("/")[-1] not in (*OWN_NOISE, "step", "epoch")
    }


def furthest(values: Mapping[str, float], expected: Mapping[str, float]) -> tuple[str, float]:
    """The metric that is furthest from what is expected, in words, and |difference| / max(1, |expected|).

    Raises:
        RuntimeError: others are measured.
    """
    if values.keys() != expected.keys() or not values:
        raise RuntimeError(f"measured {sorted(values)} instead of {sorted(expected)}")
    finite = {name: -1.0 if value is None or expected[name] is None else value for name, value in values.items()}
    off = {name: abs(finite[name] - (expected[name] or 0)) / max(1.0, abs(expected[name] or 0)) for name in values}
    name = max(off, key=lambda one: off[one])
    return f"{name} {finite[name]:.5g}, CPU {expected[name]:.5g}, {off[name]:.1e} apart", off[name]


def validate_both(run: Path, accelerator: str, precision: str) -> tuple[dict[str, float], dict[str, float]]:
    """The metrics of two validation batches with the last weights of a run, on the CPU in float32 and there."""
    from pytorch_lightning import Trainer

    from genlab.console.program import keep_quiet
    from genlab.runs.classes import MODEL_SECTIONS
    from genlab.runs.reading import open_run
    from genlab.runs.reload import load_data, load_model

    keep_quiet()
    opened = open_run(str(run), MODEL_SECTIONS)
    model, data = load_model(opened, checkpoint="last"), load_data(opened)
    measured = []
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    for where, how in (("cpu", "32-true"), (accelerator, precision)):
        trainer = Trainer(accelerator=where, devices=1, precision=how, limit_val_batches=2, **quiet)  # type: ignore[arg-type]
        (metrics,) = trainer.validate(model, datamodule=data, verbose=False)
        measured.append({name: float(value) for name, value in metrics.items() if "/" in name})
    return measured[0], measured[1]


def check_evaluation(bench: Bench, family: str, run: Path) -> None:
    small = ["--samples", "500", "--images", "500", "--likelihood-images", "32", "--importance-samples", "50"]
    small += ["--prior-samples", "1000", "--dequantization-samples", "2"]
    scores = {}
    started = time.perf_counter()
    for device in (bench.device, "cpu"):
        bench.genlab(family, f"evaluate_{device}", "evaluate", str(run), "--device", device, *small).must_end(
            bench.timeout
        )
        read = json.loads((run / "evaluation.json").read_text())["scores"]
        found = {name: score["value"] if isinstance(score, dict) else score for name, score in read.items()}
        scores[device] = {name: value for name, value in found.items() if "second" not in name and value is not None}
    worst, off = furthest(scores[bench.device], scores["cpu"])
    bench.table.numbers.setdefault("evaluated", {})[family] = scores
    text = f"{len(scores['cpu'])} scores, furthest from --device cpu: {worst} (tolerance {SCORES})"
    bench.table.add(Row("evaluate", family, text, off <= SCORES, time.perf_counter() - started))


def check_samples(bench: Bench, family: str, run: Path) -> None:
    started = time.perf_counter()
    fitted = ["--components", "10"] if family == "autoencoder" else []
    pictures = {}
    for device in (bench.device, "cpu"):
        out = bench.folder / family / f"samples_{device}.png"
        name = f"sample_{device}"
        bench.genlab(family, name, "sample", str(run), "--device", device, "--out", str(out), *fitted).must_end(
            bench.timeout
        )
        pictures[device] = out
    off = call(bench.server, mean_difference, pictures[bench.device], pictures["cpu"], timeout=bench.timeout)
    # a binary pixel that falls on the other side of its threshold counts 255
    text = f"pictures of 64 samples differ by {off:.3f} of 255 a pixel (tolerance 8)"
    bench.table.add(
        Row("evaluate", f"{family} sample --device {bench.device}", text, off <= 8, time.perf_counter() - started)
    )


def mean_difference(one: Path, other: Path) -> float:
    import numpy
    from PIL import Image

    first, second = (numpy.asarray(Image.open(path).convert("L"), dtype=float) for path in (one, other))
    return float(abs(first - second).mean())


def check_repetition(bench: Bench, family: str, part: str = "", more: list[str] | None = None) -> Path:
    """A run, the same again, and once more killed and resumed; return the folder of the first.

    Args:
        bench: see there.
        family: of the model.
        part: a name for the rows; empty: `same_seed` and `resume`, those of them that are asked for.
        more: settings.
    """
    few = max(2, bench.batches // 2)
    settings = [*SHORT, *bench.reproducible, "trainer.max_epochs=4", f"trainer.limit_train_batches={few}"]
    settings += more or []
    started = time.perf_counter()
    first, whole = bench.train(family, f"{part}whole", *settings)
    first.must_end(bench.timeout)
    if part or "same_seed" in bench.parts:
        second, again = bench.train(family, f"{part}again", *settings)
        second.must_end(bench.timeout)
        differences = call(bench.server, different, whole, again, timeout=bench.timeout)
        text = (
            f"4 epochs of {few} batches, twice: {differences or 'weights, optimizers and metrics.csv equal to the bit'}"
        )
        spent = time.perf_counter() - started
        bench.table.add(Row(part or "same_seed", f"{family} twice" if part else family, text, not differences, spent))
    if not part and "resume" not in bench.parts:
        return whole
    started = time.perf_counter()
    command, killed = bench.train(family, f"{part}killed", *settings)
    moment = kill_after_checkpoint(command, killed, bench.timeout)
    resumed = Command(
        bench.server, killed.with_name(f"{part}resumed_process"), "train", [f"resume={killed}"], bench.threads
    )
    resumed.must_end(bench.timeout)
    differences = call(bench.server, different, whole, killed, timeout=bench.timeout)
    text = f"{moment}, resumed: {differences or 'as the run that was never stopped, to the bit'}"
    spent = time.perf_counter() - started
    bench.table.add(Row(part or "resume", f"{family} resumed" if part else family, text, not differences, spent))
    return whole


def check_captured(bench: Bench, family: str) -> None:
    """`trainer.compile=true`: reproducible, resumable, and with the numbers of the run without it.

    To the bit where the learning rate is constant; a schedule's is rounded to float32.
    """
    ways: dict[str, tuple[Path | None, list[str]]] = {
        family: (check_repetition(bench, family, "captured", bench.captured), [])
    }
    if family == "gan":
        ways["gan gradient_penalty"] = (None, ["model.penalty=gradient_penalty", "model.ema_decay=0.999"])
    if family == "vae":
        ways["vae kl_warmup"] = (None, ["model.kl_warmup_epochs=3"])
    few = max(2, bench.batches // 2)
    settings = [*SHORT, *bench.reproducible, "trainer.max_epochs=4", f"trainer.limit_train_batches={few}"]
    for name, (captured, more) in ways.items():
        with bench.table.guarded("captured", name):
            started = time.perf_counter()
            if captured is None:
                label = f"{name.replace(' ', '_')}_captured"
                command, captured = bench.train(family, label, *settings, *bench.captured, *more)
                command.must_end(bench.timeout)
            label = f"{name.replace(' ', '_')}_without"
            command, without = bench.train(family, label, *settings, "data.on_device=false", *more)
            command.must_end(bench.timeout)
            differences = call(bench.server, different, captured, without, timeout=bench.timeout)
            ok, text = not differences, differences or "as without, to the bit"
            if family in SCHEDULED:
                worst, off = furthest(metrics_of(captured), metrics_of(without))
                ok, text = off <= CAPTURED, f"metrics furthest from those without: {worst} (tolerance {CAPTURED})"
            bench.table.add(Row("captured", f"{name} and without", text, ok, time.perf_counter() - started))


def kill_after_checkpoint(command: Command, run: Path, timeout: float) -> str:
    last, until = run / "checkpoints" / "last.ckpt", time.perf_counter() + timeout
    while not last.exists() and command.process.is_alive() and time.perf_counter() < until:
        time.sleep(0.002)
    time.sleep(0.05)
    was_alive = command.process.is_alive()
    with suppress(ProcessLookupError):
        os.kill(command.process.pid, signal.SIGKILL)
    command.process.join()
    if not last.exists():
        raise RuntimeError(f"no checkpoint: {tail(command.err) or tail(command.out)}")
    return "killed after the first checkpoint" if was_alive else "ended before it was killed"


def different(one: Path, other: Path) -> str:
    """The first difference between what two runs have learned and logged; empty if there is none."""
    import torch

    checkpoints = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu") for run in (one, other)
    ]
    for name in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
        address = _first_difference(checkpoints[0][name], checkpoints[1][name], name)
        if address:
            return f"{address} differs"
    tables = [list(csv.reader((run / "metrics.csv").open())) for run in (one, other)]
    return "" if tables[0] == tables[1] else "metrics.csv differs"


def _first_difference(here: Any, there: Any, address: str) -> str:
    import torch

    if isinstance(here, torch.Tensor):
        return "" if torch.equal(here, there) else f"{address} (by {(here.double() - there.double()).abs().max():.1e})"
    if isinstance(here, dict | list | tuple) and type(here) is type(there) and len(here) == len(there):
        items: Iterable[tuple[Any, Any]] = here.items() if isinstance(here, dict) else enumerate(here)
        found = (_first_difference(value, there[key], f"{address}.{key}") for key, value in items)
        return next(filter(None, found), "")
    return "" if here == there else address


def check_memory(bench: Bench) -> None:
    """The process may use 400 MB of the GPU's memory or so; the rehearsal asks for more than any CPU has."""
    started = time.perf_counter()
    too_much = ["data.batch_size=50000"] if bench.device == "cuda" else ["model.hidden_dims=[200000000000]"]
    run = bench.folder / "oom" / "run"
    arguments = [
        "model=vae",
        f"trainer.accelerator={bench.accelerator}",
        f"hydra.run.dir={run}",
        *bench.settings,
        *too_much,
    ]
    fraction = 0.005 if bench.device == "cuda" else 0.0
    command = Command(bench.server, bench.folder / "oom" / "process", "train", arguments, bench.threads, fraction)
    code, said = command.end(bench.timeout), command.err.read_text().splitlines()
    errors = [text for text in said if text.startswith("error: ")]
    ok = code == 1 and len(errors) == 1 and not any("Traceback" in text for text in said) and "memory" in errors[0]
    bench.table.add(Row("oom", "batch_size=50000", f"exit {code}, {len(said)} line(s): {' | '.join(said)[:400]}", ok))
    bench.table.rows[-1].seconds = time.perf_counter() - started


# Speed: contenders in processes of their own, each of which trains an epoch when it is told to


PLAIN, LIGHTNING = "plain loop", "Lightning, DataLoader"
GENLAB = {
    "genlab": ["data.on_device=false"],
    "genlab, on_device": ["data.on_device=true"],
    "genlab, compile": ["data.on_device=false", "trainer.compile=true"],
    "genlab, on_device, compile": ["data.on_device=true", "trainer.compile=true"],
    "genlab, on_device, compile, bf16": ["data.on_device=true", "trainer.compile=true", "trainer.precision=auto"],
}


def measure_speed(bench: Bench, model: str, rounds: int) -> None:
    genlabs = [name for name in GENLAB if bench.device == "cuda" or "compile" not in name]
    names = [*genlabs, PLAIN, LIGHTNING]
    pipes, processes = {}, []
    started, deadline = time.perf_counter(), time.perf_counter() + 70
    timed: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    busy: dict[str, dict[str, Any]] = {}
    try:
        for name in names:
            pipes[name], theirs = bench.server.Pipe()
            folder = bench.folder / "speed" / f"{model}_{len(pipes)}"
            given = name, model, bench.device, bench.settings, folder, bench.batches, theirs
            processes.append(bench.server.Process(target=contend, args=given))  # whose loader has workers
            processes[-1].start()
            theirs.close()
        for number in range(rounds + 1):
            for name in list(pipes):
                with bench.table.guarded("speed", f"{model}: {name}"):
                    try:
                        epoch = ask(pipes[name], "epoch", timeout=90 if number == 0 else 30)
                    except Exception:
                        del pipes[name]
                        raise
                    if number > 0:
                        timed[name].append(epoch)
            if time.perf_counter() > deadline:
                break
        for name, pipe in pipes.items():
            with bench.table.guarded("speed", f"{model}: {name}, utilisation"):
                busy[name] = utilisation(bench, pipe, seconds=2.0, epochs_at_most=10)
        for name, pipe in pipes.items():
            busy.setdefault(name, {})
            with suppress(Exception):
                busy[name]["memory"] = ask(pipe, "end", timeout=60)
    finally:
        for process in processes:
            process.join(0.5)
            process.kill()
    report_speed(bench, model, timed, busy, time.perf_counter() - started)


def report_speed(
    bench: Bench, model: str, timed: dict[str, list[dict[str, float]]], busy: dict[str, dict[str, Any]], spent: float
) -> None:
    plain = [epoch["train"] for epoch in timed[PLAIN]]
    bench.table.numbers.setdefault("speed", {})[model] = {"epochs": timed, "utilisation": busy}
    for name, epochs in timed.items():
        if not epochs:
            continue
        seconds = [epoch["train"] for epoch in epochs]
        text = f"{statistics.median(seconds):.3f} s an epoch ({' '.join(f'{value:.3f}' for value in seconds)})"
        if plain:
            ratio = statistics.median(one / other for one, other in zip(seconds, plain, strict=False))
            text += f", {ratio:.2f} of the plain loop's"
        if "whole" in epochs[0]:
            text += f"; without checkpoint {statistics.median(epoch['steps'] for epoch in epochs):.3f} s"
            text += f", with validation {statistics.median(epoch['whole'] for epoch in epochs):.3f} s"
        used = busy.get(name, {})
        if used.get("percent") is not None:
            text += f"; GPU busy {used['percent']:.0f} %"
        if used.get("memory"):
            text += f"; peak {used['memory']['allocated'] / 2**20:.0f} MiB"
        bench.table.add(Row("speed", f"{model}: {name}", text, None, spent / len(timed)))


def ask(pipe: Any, what: str, timeout: float) -> Any:
    """What a contender answers.

    Raises:
        TimeoutError: nothing, in this time.
        RuntimeError: its traceback.
    """
    with suppress(BrokenPipeError):  # it has died, and left why
        pipe.send(what)
    if not pipe.poll(timeout):
        raise TimeoutError(f"no answer in {timeout:.0f} s")
    try:
        answer = pipe.recv()
    except EOFError:
        raise RuntimeError("the process has died") from None
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


def utilisation(bench: Bench, pipe: Any, seconds: float, epochs_at_most: int) -> dict[str, Any]:
    """The share of time in which a kernel ran, in per cent, by the driver, over epochs that follow one another.

    The first half second is left out: the driver's number is a mean over the time before.
    """
    if bench.device != "cuda":
        ask(pipe, "epoch", timeout=60)
        return {"percent": None}
    pynvml = import_module("pynvml")
    pynvml.nvmlInit()
    card = pynvml.nvmlDeviceGetHandleByIndex(0)
    samples: list[tuple[float, int]] = []
    done = threading.Event()

    def sample() -> None:
        began = time.perf_counter()
        while not done.wait(0.05):
            samples.append((time.perf_counter() - began, pynvml.nvmlDeviceGetUtilizationRates(card).gpu))

    watcher = threading.Thread(target=sample)
    watcher.start()
    started = time.perf_counter()
    try:
        for _ in range(epochs_at_most):
            ask(pipe, "epoch", timeout=30)
            if time.perf_counter() - started > seconds:
                break
    finally:
        done.set()
        watcher.join()
    late = [percent for when, percent in samples if when > 0.5] or [percent for _, percent in samples]
    return {"percent": statistics.fmean(late) if late else None, "samples": len(late)}


def contend(name: str, model: str, device: str, settings: list[str], folder: Path, batches: int, pipe: Any) -> None:
    """In a process of its own: train an epoch whenever it is asked for, and answer with its seconds."""
    import torch

    try:
        folder.mkdir(parents=True)
        os.chdir(folder)
        for number, path in ((1, "out.txt"), (2, "err.txt")):
            with open(path, "w") as file:
                os.dup2(file.fileno(), number)
        torch.manual_seed(0)
        if name in GENLAB:
            contend_genlab([f"model={model}", *settings, *GENLAB[name]], device, folder / "run", pipe)
        elif name == PLAIN:
            contend_plain(model, device, settings, batches, pipe)
        else:
            contend_lightning(model, device, settings, folder, pipe)
    except EOFError:
        pass
    except Exception:
        with suppress(OSError):
            pipe.send(traceback.format_exc()[-1200:])


def memory_of(device: str) -> dict[str, int]:
    import torch

    if device != "cuda":
        return {"allocated": 0, "reserved": 0}
    return {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}


def gate(device: str, pipe: Any) -> Any:
    """A callback that begins an epoch when it is asked for, and answers with its seconds; `end` ends training.

    `steps` is until validation begins, `train` has the checkpoint too, `whole` also validation. As a `Checkpoint` of
    Lightning's it comes after those of genlab.
    """
    import torch
    from loops import clock
    from pytorch_lightning.callbacks import Checkpoint

    class Gate(Checkpoint):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            trainer.should_stop = pipe.recv() == "end"
            if trainer.should_stop:
                raise EOFError
            self.device = torch.device(device)
            self.started, self.validating, self.steps = clock(self.device), 0.0, 0.0

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            self.validation_started = clock(self.device)
            self.steps = self.validation_started - self.started

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            self.validating += clock(self.device) - self.validation_started

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            whole = clock(self.device) - self.started
            pipe.send({"steps": self.steps or whole, "train": whole - self.validating, "whole": whole})

    return Gate()


def experiment_of(settings: list[str], device: str, run: Path) -> Any:
    """What `train.py` builds, without pictures; validation is there."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import get_class

    from genlab.callbacks.picture import Picture
    from genlab.cli.overrides import check
    from genlab.console.program import keep_quiet
    from genlab.runs.configuration import config_dir, register_resolvers
    from genlab.training.train import build

    keep_quiet()
    register_resolvers()
    accelerator = "gpu" if device == "cuda" else "cpu"
    given = [f"run_dir={run}", f"trainer.accelerator={accelerator}", "trainer.max_epochs=1000", "evaluate_every=0"]
    overrides = check([*given, *settings])
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        cfg = compose("config", overrides)
    cfg.callbacks = {
        name: node for name, node in cfg.callbacks.items() if not issubclass(get_class(node._target_), Picture)
    }
    experiment = build(cfg)
    experiment.data.prepare_data()
    experiment.data.setup("fit")
    return experiment


def contend_genlab(settings: list[str], device: str, run: Path, pipe: Any) -> None:
    from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check

    with flushed_denormals(), quick_gpu_check():
        experiment = experiment_of(settings, device, run)
        experiment.trainer.callbacks.append(gate(device, pipe))
        with suppress(EOFError):
            experiment.trainer.fit(experiment.model, datamodule=experiment.data)
    pipe.send(memory_of(device))


def unpack(settings: list[str]) -> None:
    training_images(settings)


def training_images(settings: list[str]) -> Any:
    from genlab.data.datamodule import ImageDataModule

    root = [text.partition("=")[2] for text in settings if text.startswith("data.root=")]
    data = ImageDataModule("mnist", root=root[0] if root else None)
    data.prepare_data()
    data.setup("fit")
    return data.train_set


def contend_plain(model: str, device: str, settings: list[str], batches: int, pipe: Any) -> None:
    import torch
    from loops import plain_gan, plain_vae

    from genlab.training.quick_cpu import quick_gpu_check

    with quick_gpu_check():
        images = training_images(settings).images.to(torch.device(device)).float().div(255)
        epoch = (plain_gan if model == "gan" else plain_vae)(images)
        while pipe.recv() != "end":
            pipe.send({"train": epoch()})
    pipe.send(memory_of(device))


def contend_lightning(model: str, device: str, settings: list[str], folder: Path, pipe: Any) -> None:
    """The hand-written module, which logs its loss at each step, on a TensorDataset in memory with four workers."""
    from loops import GAN_BATCH, VAE_BATCH, HandWrittenGAN, HandWrittenVAE
    from pytorch_lightning import Trainer
    from torch.utils.data import DataLoader, TensorDataset

    train_set = training_images(settings)
    images = train_set.images.float().div(255)
    gan = model == "gan"
    loader = DataLoader(
        TensorDataset(2 * images - 1 if gan else images, train_set.labels),
        batch_size=GAN_BATCH if gan else VAE_BATCH,
        shuffle=True,
        num_workers=4 if device == "cuda" else 0,
        persistent_workers=device == "cuda",
        pin_memory=device == "cuda",
    )
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": folder}
    quiet |= {"callbacks": [gate(device, pipe)], "max_epochs": 1000, "devices": 1}
    trainer = Trainer(accelerator="gpu" if device == "cuda" else "cpu", **quiet)
    with suppress(EOFError):
        trainer.fit(HandWrittenGAN() if gan else HandWrittenVAE(), loader)
    pipe.send(memory_of(device))


# Profile: where the time of a batch goes


def measure_profile(bench: Bench, model: str) -> None:
    started = time.perf_counter()
    folder = bench.folder / "profile" / model
    found = call(bench.server, profile, model, bench.device, bench.settings, bench.captured, folder, timeout=90)
    bench.table.numbers.setdefault("profile", {})[model] = found
    text = (
        f"a batch: {found['launches']:.0f} launches, {found['device_us']:.0f} us of kernels, "
        f"{found['synchronisations']:.2f} synchronisations; {found['batches']} batches"
    )
    bench.table.add(Row("profile", model, text, None, time.perf_counter() - started))
    print(found["python"], flush=True)


def profile(model: str, device: str, settings: list[str], more: list[str], folder: Path) -> dict[str, Any]:
    """Of genlab's second epoch: kernels and launches by torch's profiler; of its third: Python by cProfile."""
    import cProfile
    import io
    import pstats

    from pytorch_lightning import Callback
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check

    folder.mkdir(parents=True)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    kernels, python = watch(activities=activities), cProfile.Profile()

    class Watch(Callback):
        batches = 0

        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                kernels.start()
            if trainer.current_epoch == 2:
                python.enable()

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            self.batches += trainer.current_epoch == 1

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                kernels.stop()
            if trainer.current_epoch == 2:
                python.disable()

    with flushed_denormals(), quick_gpu_check():
        experiment = experiment_of(
            [f"model={model}", *settings, *more, "trainer.limit_train_batches=200"], device, folder / "run"
        )
        watcher = Watch()
        experiment.trainer.callbacks.insert(0, watcher)
        experiment.trainer.fit_loop.max_epochs = 3
        out, sys.stdout = sys.stdout, io.StringIO()
        try:
            experiment.trainer.fit(experiment.model, datamodule=experiment.data)
        finally:
            sys.stdout = out
    averages = kernels.key_averages()
    named = {event.key: event.count for event in averages}
    device_us = sum(event.self_device_time_total for event in averages if event.device_type == DeviceType.CUDA)
    launches = sum(
        count
        for key, count in named.items()
        if key.startswith(("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch"))
    )
    waits = sum(
        count for key, count in named.items() if key.startswith(("cudaStreamSynchronize", "cudaDeviceSynchronize"))
    )
    batches = max(1, watcher.batches)
    text = io.StringIO()
    pstats.Stats(python, stream=text).sort_stats("tottime").print_stats(28)
    top = sorted(averages, key=lambda event: -event.self_cpu_time_total)[:15]
    return {
        "batches": batches,
        "launches": launches / batches,
        "device_us": device_us / batches,
        "synchronisations": waits / batches,
        "calls": {event.key: [event.count / batches, event.self_cpu_time_total / batches] for event in top},
        "python": "\n".join(line for line in text.getvalue().splitlines() if line.strip())[:6000],
    }


def describe(device: str) -> dict[str, Any]:
    """The card and the programs."""
    import platform

    import pytorch_lightning
    import torch

    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": pytorch_lightning.__version__,
        "cores": os.cpu_count(),
        "card": "CPU",
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        facts |= {"card": properties.name, "memory_mib": properties.total_memory // 2**20, "cuda": torch.version.cuda}
        with suppress(Exception):
            pynvml = import_module("pynvml")
            pynvml.nvmlInit()
            facts["driver"] = str(pynvml.nvmlSystemGetDriverVersion())
    return facts


def stand_in_images(folder: Path) -> Path:
    """600 training and 200 test images of the bundled MNIST as IDX files, for the rehearsal."""
    from genlab.data.catalogue import FILES
    from genlab.data.datamodule import ImageDataModule

    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup("fit")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sets = ((data.train_set, 600), (data.test_set, 200))
    for values, file in zip(
        [part for one, n in sets for part in (one.images[:n, 0], one.labels[:n])], FILES, strict=True
    ):
        header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
        (raw / file).write_bytes(header + values.contiguous().numpy().tobytes())
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="genlab on one GPU: right, and how fast")
    parser.add_argument("--out", type=Path, help="file for the JSON")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--models", default=",".join(FAMILIES), help=f"of {','.join(FAMILIES)}")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a rehearsal on 600 images")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each contender, after one that is not counted")
    parser.add_argument(
        "--at-once", type=int, default=0, help="processes side by side in the checks (default: cores / 2)"
    )
    arguments = parser.parse_args()
    parts, models = tuple(arguments.parts.split(",")), tuple(arguments.models.split(","))
    if not set(parts) <= set(PARTS) or not set(models) <= set(FAMILIES):
        parser.error(f"--parts: of {', '.join(PARTS)}; --models: of {', '.join(FAMILIES)}")
    os.environ.setdefault("OMP_NUM_THREADS", "2" if (os.cpu_count() or 1) > 4 else "1")
    began = time.perf_counter()
    table, server = Table(arguments.out), start_server()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rehearsal = arguments.device == "cpu"
        table.numbers["machine"] = call(server, describe, arguments.device, timeout=120)
        print(", ".join(f"{name} {value}" for name, value in table.numbers["machine"].items()), flush=True)
        settings = ["data=mnist"]
        if rehearsal:
            settings.append(f"data.root={call(server, stand_in_images, folder / 'images', timeout=120)}")
        else:
            call(server, unpack, [], timeout=120)  # unpacked once, not by many at once
        batches, threads = (5 if rehearsal else 50), (1 if rehearsal else 2)
        bench = Bench(server, table, folder, parts, models, arguments.device, settings, batches, threads, timeout=150)
        if set(CORRECT) & set(parts):
            at_once = arguments.at_once or max(1, (os.cpu_count() or 2) // 2)
            with ThreadPoolExecutor(at_once) as pool:
                jobs = [pool.submit(check_family, bench, family) for family in models]
                if "oom" in parts:
                    with table.guarded("oom", "batch_size=50000"):
                        check_memory(bench)
                for job in jobs:
                    with table.guarded("checks", "of a family"):
                        job.result()
        timed = [model for model in SPEED_MODELS if model in models]
        for model in timed if "speed" in parts else []:
            with table.guarded("speed", model):
                measure_speed(bench, model, arguments.rounds)
        for model in timed if "profile" in parts else []:
            with table.guarded("profile", model):
                measure_profile(bench, model)
    table.numbers["seconds"] = time.perf_counter() - began
    table.write()
    print(f"\n{', '.join(f'{name} {value}' for name, value in table.numbers['machine'].items())}")
    for row in sorted(table.rows, key=lambda one: PARTS.index(one.part) if one.part in PARTS else len(PARTS)):
        print(line(row))
    failed = sum(row.ok is False for row in table.rows)
    print(f"{len(table.rows)} rows, {failed} failed, {table.numbers['seconds']:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
