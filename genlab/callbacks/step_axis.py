"""The one step axis of scalars and pictures, and where on it each metric was measured."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


def batches_seen(trainer: Trainer) -> int:
    """Training batches seen since the start of the run, resumed parts included.

    Lightning's own `global_step` counts optimizer steps, which are several a batch with several optimizers and less
    than one with gradient accumulation.
    """
    return trainer.fit_loop.total_batch_idx + 1


def measured_once(trainer: Trainer, measure: Callable[[], Number]) -> Number:
    """What `measure` gives in the first process; the others wait for it, and have the same, to the bit.

    They must: a metric chooses the best epoch, and a checkpoint is written by all processes or by none.

    Args:
        trainer: that runs.
        measure: a float, or a tensor on the CPU.
    """
    value = measure() if trainer.is_global_zero else None
    return trainer.strategy.broadcast(value)  # type: ignore[return-value]


class Measured(Callback):
    """Remembers at which step each metric of validation was measured, and gives a resumed run its metrics again.

    Lightning keeps a value in `trainer.callback_metrics` until the next one, and forgets it when a run is resumed.

    Attributes:
        steps: metric → batches seen when it was measured.
    """

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}
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
