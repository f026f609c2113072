"""How long a run trains: the limits that can be kept, and which of them has ended it."""

import math
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Timer

from genlab.callbacks.checkpoints import is_cut
from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError


def check_limits(trainer: Trainer, data: ImageDataModule) -> None:
    """Refuse before training what Lightning would refuse when it comes to the split.

    Args:
        trainer: not yet run.
        data: set up, and not yet the trainer's.

    Raises:
        ConfigError: a share of a split is less than a batch, or validation would come after more batches than an epoch
            has.
    """
    loaders = {"train": data.train_dataloader(), "val": data.val_dataloader(), "test": data.test_dataloader()}
    counts = {split: math.ceil(len(loader) / trainer.world_size) for split, loader in loaders.items()}
    overfits = trainer.overfit_batches  # type: ignore[attr-defined]
    for split, batches in counts.items():
        limit = getattr(trainer, f"limit_{split}_batches")
        if isinstance(limit, float) and limit > 0 and int(batches * limit) == 0:
            name = "overfit_batches" if overfits and split != "test" else f"limit_{split}_batches"
            least = math.ceil(1000 / batches) / 1000
            raise ConfigError(f"trainer.{name}={limit}: less than one of the {batches} {split} batches; use {least}")
    interval, limit, batches = trainer.val_check_interval, trainer.limit_train_batches, counts["train"]
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    every_epoch = trainer.check_val_every_n_epoch is not None and trainer.limit_val_batches
    if isinstance(interval, int) and interval > batches and every_epoch:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: an epoch has {batches} batches; use no more than that"
        )


def progress(trainer: Trainer, settings: Mapping[str, Any]) -> dict[str, Any]:
    """How far a trained run has come, for its summary.

    Args:
        trainer: after `fit`.
        settings: of the trainer in the config.

    Returns:
        epochs: that have begun. whole_epochs: that have ended with their last batch. steps: of all optimizers.
        stopped: the setting that has ended training, as `trainer.max_epochs=10`.
    """
    epochs: Any = trainer.fit_loop.epoch_progress.current
    whole = epochs.processed - is_cut(trainer)
    timers = [part.time_remaining() for part in trainer.callbacks if isinstance(part, Timer)]  # type: ignore[attr-defined]
    steps = trainer.global_step
    if whole >= (trainer.max_epochs or 0) > -1:
        by = "max_epochs"
    elif steps >= trainer.max_steps > -1:
        by = "max_steps"
    elif any(left is not None and left <= 0 for left in timers):
        by = "max_time"
    else:
        by = "limit_train_batches" if trainer.limit_train_batches == 0 else "callbacks"
    value = settings.get(by) if by == "max_time" else getattr(trainer, by, None)
    stopped = "callbacks" if by == "callbacks" else f"trainer.{by}={value}"
    return {"epochs": epochs.ready, "whole_epochs": whole, "steps": steps, "stopped": stopped}
