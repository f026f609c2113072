"""How far a run has come: the one step axis of scalars and pictures, where on it each metric was measured, its end."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Timer
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


def batches_seen(trainer: Trainer) -> int:
    """Training batches seen since the start of the run, resumed parts included.

    Lightning's own `global_step` counts optimizer steps, which are several a batch with several optimizers and less
    than one with gradient accumulation.
    """
    return trainer.fit_loop.total_batch_idx + 1


def measured_once(trainer: Trainer, measure: Callable[[], Number]) -> Number:
    """What `measure` gives in the first process, a float or a tensor on the CPU; the others wait and have the same.

    They must: a metric chooses the best epoch, and a checkpoint is written by all processes or by none.
    """
    value = measure() if trainer.is_global_zero else None
    return trainer.strategy.broadcast(value)  # type: ignore[return-value]


class Measured(Callback):
    """Remembers at which step each metric of validation was measured, and gives a resumed run its metrics again.

    Lightning keeps a value in `trainer.callback_metrics` until the next one, and forgets it when a run is resumed.
    """

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}  # metric → batches seen when it was measured
        self._values: dict[str, float] = {}
        self._before: dict[str, Any] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        restored = {name: torch.tensor(value, dtype=torch.float64) for name, value in self._values.items()}
        trainer.callback_metrics.update(restored)
        self._before = dict(trainer.callback_metrics)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        now = dict(trainer.callback_metrics)
        new = [name for name in now if name.startswith("val/") and now[name] is not self._before.get(name)]
        self.steps |= dict.fromkeys(new, batches_seen(trainer))
        self._before = now

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["measured"] = {"values": all_metrics(trainer), "steps": dict(self.steps)}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        state = checkpoint.get("measured", {"values": {}, "steps": {}})  # of an older genlab
        self._values = {str(name): float(value) for name, value in state["values"].items()}
        self.steps = {str(name): int(step) for name, step in state["steps"].items()}


def all_metrics(trainer: Trainer) -> dict[str, float]:
    """The latest value of each metric."""
    return {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}


def current_metrics(trainer: Trainer) -> dict[str, float]:
    """The metrics of the weights of this moment: without what was measured in an earlier validation."""
    older = older_metrics(trainer)
    return {name: value for name, value in all_metrics(trainer).items() if name not in older}


def older_metrics(trainer: Trainer) -> dict[str, int]:
    """Metrics of validation that were measured with earlier weights → batches seen then."""
    steps = next((part.steps for part in trainer.callbacks if isinstance(part, Measured)), {})  # type: ignore[attr-defined]
    return {name: step for name, step in steps.items() if step != batches_seen(trainer)}


def is_cut(trainer: Trainer) -> bool:
    """Whether a limit of steps or time has ended the epoch in its middle."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return epochs.processed == epochs.ready > 0 and not trainer.is_last_batch


def progress(trainer: Trainer, settings: Mapping[str, Any]) -> dict[str, Any]:
    """How far a trained run, with these settings of the trainer, has come, for its summary.

    Returns:
        epochs: that have begun. whole_epochs: that have ended with their last batch. steps: of all optimizers.
        stopped: the setting that has ended training, as `trainer.max_epochs=10`.
    """
    epochs: Any = trainer.fit_loop.epoch_progress.current
    whole, steps = epochs.processed - is_cut(trainer), trainer.global_step
    timers = [part.time_remaining() for part in trainer.callbacks if isinstance(part, Timer)]  # type: ignore[attr-defined]
    ended = {
        "max_epochs": whole >= (trainer.max_epochs or 0) > -1,
        "max_steps": steps >= trainer.max_steps > -1,
        "max_time": any(left is not None and left <= 0 for left in timers),
        "limit_train_batches": trainer.limit_train_batches == 0,
    }
    by = next((name for name, so in ended.items() if so), None)
    value = settings.get("max_time") if by == "max_time" else getattr(trainer, by or "", None)
    stopped = f"trainer.{by}={value}" if by else "callbacks"
    return {"epochs": epochs.ready, "whole_epochs": whole, "steps": steps, "stopped": stopped}
