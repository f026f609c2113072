"""A learning rate that falls to zero."""

import math

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig

from genlab.errors import ConfigError


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

    def factor(step: int) -> float:
        warmup = min(1.0, (step + 1) / (warmup_steps + 1))
        # Not asked before the first step: Lightning answers by making the loaders, and in a run that is resumed it
        # has not restored yet which epoch these begin with
        done = step / trainer.estimated_stepping_batches if step else 0.0
        return warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
