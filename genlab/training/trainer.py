"""Lightning's Trainer, whose arguments are checked before anything runs."""

import functools
import math
import os
from typing import Annotated, Any, Literal

import pytorch_lightning
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from genlab.arguments import checked
from genlab.errors import ConfigError
from genlab.training.precision import fastest

SEVERAL = "ddp_find_unused_parameters_true"  # the strategy of several devices, as in conf/trainer/ddp.yaml


@functools.wraps(pytorch_lightning.Trainer.__init__)
def _init(self: pytorch_lightning.Trainer, **arguments: Any) -> None:
    if arguments.get("precision") == "auto":
        arguments["precision"] = fastest(arguments.get("accelerator", "auto"))
    try:
        pytorch_lightning.Trainer.__init__(self, **arguments)
        if isinstance(self.strategy, DDPStrategy) and arguments.get("strategy", "auto") == "auto":
            # Only now it is known how many devices auto and -1 are. By itself Lightning chooses a strategy that wants
            # the gradients of both players of a GAN at each step
            pytorch_lightning.Trainer.__init__(self, **{**arguments, "strategy": SEVERAL})
    except MisconfigurationException as error:
        if "gpu backend" in str(error) or "can not run on your system" in str(error):
            raise ConfigError(
                f"trainer.accelerator={arguments.get('accelerator')}: this machine has none; "
                "use trainer.accelerator=cpu or trainer.accelerator=auto"
            ) from None
        raise
    except ModuleNotFoundError as error:  # of a strategy or an accelerator
        raise ConfigError(
            f"trainer: {error}; use trainer.accelerator=cpu or gpu, and leave trainer.strategy out"
        ) from None
    if self.precision not in ("32-true", "16-mixed", "bf16-mixed"):
        raise ConfigError(
            f"trainer.precision={self.precision}: the parameters must be float32: use trainer.precision=bf16-mixed or "
            "16-mixed, or leave it out"
        )
    cores = os.cpu_count() or 1
    if isinstance(self.accelerator, CPUAccelerator) and self.num_devices > max(cores, 2):
        raise ConfigError(
            f"trainer.devices={self.num_devices}: this machine has {cores} cores; use trainer.devices={cores} or less"
        )


# Where Lightning itself takes a number and divides by it later, or a value that means nothing
_init.__annotations__ |= {
    "accumulate_grad_batches": PositiveInt,
    "devices": list[int] | str | Literal[-1] | PositiveInt,
    "enable_checkpointing": Literal[False] | None,  # Lightning's own delete files
    "gradient_clip_val": NonNegativeInt | NonNegativeFloat | None,
    "min_epochs": NonNegativeInt | None,
    "min_steps": NonNegativeInt | None,
    "val_check_interval": PositiveInt | Annotated[float, Field(gt=0, le=1)] | str | dict[str, int] | None,
    "check_val_every_n_epoch": PositiveInt | None,
    "log_every_n_steps": PositiveInt | None,
    "reload_dataloaders_every_n_epochs": NonNegativeInt,
    # one of genlab's own, with all of Lightning's
    "precision": Literal["auto"] | _init.__annotations__["precision"],
}


class CheckedTrainer(pytorch_lightning.Trainer):
    """`pytorch_lightning.Trainer` that raises `pydantic.ValidationError` for an argument of a wrong type.

    `precision="auto"` is bfloat16 where that is fast, see `genlab.training.precision`.

    Lightning states the types in its signature, but hardly looks at them: `max_epochs="ten"` would fail in the middle
    of a run.
    """

    __init__ = checked(_init)


def check_val_check_interval(trainer: pytorch_lightning.Trainer, batches: int) -> None:
    """Refuse before training what Lightning would refuse in the middle of starting it.

    Args:
        trainer: not yet run.
        batches: of all processes together in an epoch of the data.

    Raises:
        ConfigError: validation would come after more batches than an epoch has.
    """
    interval, limit = trainer.val_check_interval, trainer.limit_train_batches
    batches = math.ceil(batches / trainer.world_size)
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    every_epoch = trainer.check_val_every_n_epoch is not None and trainer.limit_val_batches
    if isinstance(interval, int) and interval > batches and every_epoch:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: an epoch has {batches} batches; use no more than that"
        )
