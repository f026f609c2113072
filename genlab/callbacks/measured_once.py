"""A number that one process measures for all."""

from collections.abc import Callable
from typing import TypeVar

from pytorch_lightning import Trainer
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


def measured_once(trainer: Trainer, measure: Callable[[], Number]) -> Number:
    """What `measure` gives in the first process; the others wait for it, and have the same, to the bit.

    They must: a metric chooses the best epoch, and a checkpoint is written by all processes or by none.

    Args:
        trainer: that runs.
        measure: a float, or a tensor on the CPU.
    """
    value = measure() if trainer.is_global_zero else None
    return trainer.strategy.broadcast(value)  # type: ignore[return-value]
