"""The first and the last lines of a run on the console."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer

from genlab import __version__
from genlab.capabilities import parameters_of
from genlab.console.readable import readable, short


def announce_start(
    cfg: DictConfig, model: LightningModule, trainer: Trainer, images: Mapping[str, int | str], source: str
) -> None:
    """What is about to be trained, on what, and where it goes."""
    name = type(model).__name__
    device = trainer.strategy.root_device
    threads = f" ({torch.get_num_threads()} threads)" if device.type == "cpu" else ""
    precision = f", {trainer.precision}" if trainer.precision != "32-true" else ""
    print(
        f"genlab {__version__}: {name} on {cfg.data.name}, {parameters_of(model):,} parameters, "
        f"{device}{threads}{precision}, seed {cfg.seed}"
    )
    counts = ", ".join(f"{count:,} {split}" for split, count in images.items() if split != "fingerprint")
    print(f"images       {counts}, from {short(source)}")
    print(f"run folder   {short(cfg.run_dir)}", flush=True)


def announce_end(
    cfg: DictConfig,
    unit: str,
    metrics: dict[str, float],
    summary: Mapping[str, Any],
    views: Sequence[tuple[str, str]],
) -> None:
    """The final numbers, of which weights they are, what they have cost, the run folder, and where it is to be seen."""
    test = {name.removeprefix("test/"): value for name, value in metrics.items() if name.startswith("test/")}
    numbers = "   ".join(f"{name} {readable(value)}" for name, value in test.items())
    if numbers:
        best = summary["best"]
        whose = "last weights" if best is None else f"weights of epoch {best['epoch']}, best by {best['metric']}"
        print(f"test         {numbers}   ({'; '.join(filter(None, [unit, whose]))})")
    within = summary.get("sample_quality_seconds")
    cost = f", of which {within:.0f} s for val/fid" if within else ""
    print(f"run folder   {short(cfg.run_dir)}   ({summary['seconds']:.0f} s{cost})")
    for name, view in views:
        print(f"{name:<12} {view}", flush=True)
