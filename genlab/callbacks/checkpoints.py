"""last.ckpt after every epoch, and best.ckpt where a validation metric chooses."""

from pathlib import Path
from typing import Any, Literal

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.arguments import checked
from genlab.callbacks.step_axis import batches_seen
from genlab.runs.checkpoints import mark


class Checkpoints(Callback):
    """Writes `checkpoints/last.ckpt` and `checkpoints/best.ckpt` below the trainer's `default_root_dir`.

    Lightning's ModelCheckpoint keeps absolute paths in the checkpoint and deletes what they name: with the checkpoint
    of a stranger that could be any file. This one has two fixed names and deletes nothing.

    Args:
        monitor: the metric that chooses the best epoch; None: there is no best.
        mode: which way is better.
    """

    @checked
    def __init__(self, monitor: str | None = None, mode: Literal["min", "max"] = "min") -> None:
        self.monitor = monitor
        self.mode = mode
        self.best: float | None = None
        self.metrics: dict[str, float] = {}  # at the end of the last epoch, for a run that is resumed after it

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        self.metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}
        value = self.metrics.get(self.monitor or "")
        better = value is not None and (self.best is None or self._sign() * value > self._sign() * self.best)
        if better:
            self.best = value
            # before the last: a run that dies between the two repeats this epoch, and writes the same best again
            self.save(trainer, "best")
        self.save(trainer, "last")

    def save(self, trainer: Trainer, name: str) -> None:
        """Write a checkpoint, after the metrics that belong before it."""
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.path(trainer, name))

    def best_path(self, trainer: Trainer) -> Path | None:
        """Of the best checkpoint, if there is one."""
        path = self.path(trainer, "best")
        return path if self.best is not None and path.exists() else None

    def chosen(self) -> dict[str, str | float] | None:
        """By what the best epoch was chosen, and its value; None where there is no best."""
        if self.best is None or self.monitor is None:
            return None
        return {"metric": self.monitor, "mode": self.mode, "value": self.best}

    @staticmethod
    def path(trainer: Trainer, name: str) -> Path:
        """Of a checkpoint of this run."""
        return Path(trainer.default_root_dir) / "checkpoints" / f"{name}.ckpt"

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["genlab"] = {**mark(pl_module), "batches": batches_seen(trainer)}

    def _sign(self) -> int:
        return 1 if self.mode == "max" else -1

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "metrics": self.metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.metrics = state_dict["best"], dict(state_dict["metrics"])
        if not all(isinstance(value, float | None) for value in (self.best, *self.metrics.values())):
            raise TypeError("the best value or a metric is no number")


def batches_in(checkpoint: dict[str, Any] | None) -> int:
    """How many training batches a run had seen when it wrote the checkpoint; -1 without one: not even step 0 counts."""
    return -1 if checkpoint is None else int(checkpoint["genlab"]["batches"])
