"""The first and the last lines of a run on the console."""

from collections.abc import Mapping, Sequence

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer

from genlab import __version__
from genlab.console.readable import readable, short


def announce_start(
    cfg: DictConfig, model: LightningModule, trainer: Trainer, images: Mapping[str, int | str], source: str
) -> None:
    """What is about to be trained, on what, and where it goes."""
    name = type(model).__name__
    parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    device = trainer.strategy.root_device
    threads = f" ({torch.get_num_threads()} threads)" if device.type == "cpu" else ""
    precision = f", {trainer.precision}" if trainer.precision != "32-true" else ""
    print(
        f"genlab {__version__}: {name} on {cfg.data.name}, {parameters:,} parameters, "
        f"{device}{threads}{precision}, seed {cfg.seed}"
    )
    counts = ", ".join(f"{count:,} {split}" for split, count in images.items() if split != "fingerprint")
    print(f"images       {counts}, from {short(source)}")
    print(f"run folder   {short(cfg.run_dir)}", flush=True)


def announce_end(
    cfg: DictConfig,
    unit: str,
    metrics: dict[str, float],
    views: Sequence[tuple[str, str]],
    seconds: float,
    sample_quality_seconds: float = 0.0,
) -> None:
    """The final numbers, what they have cost, the run folder, and where its loggers show it."""
    folder = short(cfg.run_dir)
    test = {name.removeprefix("test/"): value for name, value in metrics.items() if name.startswith("test/")}
    numbers = "   ".join(f"{name} {readable(value)}" for name, value in test.items())
    if numbers:
        print(f"test         {numbers}   ({unit})")
    cost = f", of which {sample_quality_seconds:.0f} s for val/fid_mnist" if sample_quality_seconds else ""
    print(f"run folder   {folder}   ({seconds:.0f} s{cost})")
    for name, view in views:
        print(f"{name:<12} {view}", flush=True)
