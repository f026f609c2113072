"""A learning rate that falls to zero."""

import logging
import math

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig

from genlab.errors import ConfigError

log = logging.getLogger(__name__)


def cosine_schedule(
    optimizer: torch.optim.Optimizer, trainer: Trainer, warmup_steps: int = 0
) -> OptimizerLRSchedulerConfig:
    """The optimizer with its learning rate times ½ (1 + cos(π · done)), done ∈ [0, 1] the share of the run.

    Loshchilov & Hutter 2017, equation 5, without restarts.

    Args:
        optimizer: with the highest learning rate.
        trainer: knows how long the run is.
        warmup_steps: over which the factor rises linearly from 0.

    Raises:
        ConfigError: the run has no end.
    """
    if trainer.max_epochs == -1 and trainer.max_steps == -1:
        raise ConfigError("the learning rate falls until the end of the run: set trainer.max_epochs")

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _Factor(trainer, warmup_steps))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Factor:
    """Step → factor of the learning rate. torch keeps what is in `__dict__` with the state of the schedule."""

    __slots__ = ("__dict__", "trainer", "warmup_steps")

    def __init__(self, trainer: Trainer, warmup_steps: int) -> None:
        self.trainer = trainer
        self.warmup_steps = warmup_steps
        self.steps: float | None = None  # of the whole run, as it was known last

    def __call__(self, step: int) -> float:
        # Not asked before the first step: Lightning answers by making the loaders, and in a run that is resumed it
        # has not restored yet which epoch these begin with
        steps = self.trainer.estimated_stepping_batches if step else self.steps
        done = step / steps if steps else 0.0
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        factor = warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        if isinstance(self.steps, int | float) and steps != self.steps and self.trainer.is_global_zero:
            log.warning(
                f"the learning rate was to reach zero after {self.steps} steps, and now after {steps}: "
                f"it goes on with {factor:.0%} of its highest value"
            )
        self.steps = steps
        return factor
