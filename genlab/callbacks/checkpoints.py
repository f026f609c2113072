"""last.ckpt after every epoch, and best.ckpt where a validation metric chooses."""

import logging
import math
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.arguments import configured
from genlab.callbacks.step_axis import all_metrics, batches_seen, current_metrics, is_cut
from genlab.runs.checkpoints import mark

log = logging.getLogger(__name__)


@configured
class Checkpoints(Callback):
    """Writes `checkpoints/last.ckpt` and `checkpoints/best.ckpt` below the trainer's `default_root_dir`.

    Lightning's ModelCheckpoint keeps absolute paths in the checkpoint and deletes what they name: with the checkpoint
    of a stranger that could be any file. This one has two fixed names and deletes nothing.

    Args:
        monitor: the metric that chooses the best epoch; None: there is no best.
        mode: which way is better; None: as `genlab.quantities` or the model says.
    """

    monitor: str | None = None
    mode: Literal["min", "max"] | None = None

    def __post_init__(self) -> None:
        self.best: float | None = None
        self.epoch: int | None = None  # whose weights are the best; 1 is the first
        self.writing = False
        self._max_steps = -1

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # While it restores its counters Lightning takes each epoch for unfinished where there is a limit of steps
        self._max_steps = trainer.max_steps
        if trainer.ckpt_path:
            trainer.fit_loop.epoch_loop.max_steps = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.fit_loop.epoch_loop.max_steps = self._max_steps

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Within an epoch; at its end the checkpoint comes after all that belongs to the epoch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking and not trainer.is_last_batch:
            self._choose(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # before the last: a run that dies between the two repeats this epoch, and writes the same best again
        self._choose(trainer)
        self.save(trainer, "last")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.monitor and self.best is None and batches_seen(trainer) and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            there = ", ".join(sorted(all_metrics(trainer)))
            log.warning(f"no best.ckpt: callbacks.checkpoints.monitor={self.monitor} was not measured, only {there}")

    def _choose(self, trainer: Trainer) -> None:
        """Write best.ckpt, if the metric was measured with these weights, and is better than ever."""
        value = current_metrics(trainer).get(self.monitor or "")
        if value is None or not math.isfinite(value):
            return
        sign = 1 if self.mode == "max" else -1
        if self.best is None or sign * value > sign * self.best:
            self.best, self.epoch = value, trainer.current_epoch + 1
            self.save(trainer, "best")

    def save(self, trainer: Trainer, name: str) -> None:
        """Write a checkpoint, after the metrics that belong before it."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        for logger in trainer.loggers:
            logger.save()
        self.writing = True
        try:
            trainer.save_checkpoint(self.path(trainer, name))
        finally:
            self.writing = False

    def best_path(self, trainer: Trainer) -> Path | None:
        path = self.path(trainer, "best")
        return path if self.best is not None and path.exists() else None

    def chosen(self) -> dict[str, Any] | None:
        """By what the best epoch was chosen, its value and its number; None where there is no best."""
        if self.best is None or self.monitor is None:
            return None
        return {"metric": self.monitor, "mode": self.mode, "value": self.best, "epoch": self.epoch}

    @staticmethod
    def path(trainer: Trainer, name: str) -> Path:
        return Path(trainer.default_root_dir) / "checkpoints" / f"{name}.ckpt"

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["genlab"] = {**mark(pl_module), "batches": batches_seen(trainer)}
        if is_cut(trainer):  # the run can be given more steps or time, and then goes on within the epoch
            progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
            for count in ("total", "current"):
                progress[count]["processed"] = progress[count]["ready"] - 1

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.epoch = state_dict["best"], state_dict.get("epoch")  # an older genlab has written no epoch
        if not isinstance(self.best, float | None) or not isinstance(self.epoch, int | None):
            raise TypeError("the best value or its epoch is no number")


def batches_in(checkpoint: dict[str, Any] | None) -> int:
    """How many training batches a run had seen when it wrote the checkpoint; -1 without one: not even step 0 counts."""
    return -1 if checkpoint is None else int(checkpoint["genlab"]["batches"])
