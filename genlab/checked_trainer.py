"""Lightning's Trainer, whose arguments are checked before anything runs."""

import functools
from typing import Any

import pytorch_lightning
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from genlab.arguments import checked
from genlab.errors import ConfigError


@functools.wraps(pytorch_lightning.Trainer.__init__)
def _init(self: pytorch_lightning.Trainer, **arguments: Any) -> None:
    try:
        pytorch_lightning.Trainer.__init__(self, **arguments)
    except MisconfigurationException as error:
        if "gpu backend" in str(error) or "can not run on your system" in str(error):
            raise ConfigError(
                f"trainer.accelerator={arguments.get('accelerator')}: this machine has none; "
                "use trainer.accelerator=cpu or trainer.accelerator=auto"
            ) from None
        raise


# Where Lightning itself takes a number and divides by it later
_init.__annotations__ |= {
    "accumulate_grad_batches": PositiveInt,
    "check_val_every_n_epoch": PositiveInt | None,
    "log_every_n_steps": PositiveInt | None,
    "reload_dataloaders_every_n_epochs": NonNegativeInt,
}


class CheckedTrainer(pytorch_lightning.Trainer):
    """`pytorch_lightning.Trainer` that raises `pydantic.ValidationError` for an argument of a wrong type.

    Lightning states the types in its signature, but hardly looks at them: `max_epochs="ten"` would fail in the middle
    of a run.
    """

    __init__ = checked(_init)
