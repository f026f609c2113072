"""Trainer settings that mean nothing to a model which steps its own optimizers."""

from pytorch_lightning import LightningModule, Trainer

from genlab.errors import ConfigError


def check_manual_optimization(model: LightningModule, trainer: Trainer) -> None:
    """Refuse before training what Lightning would refuse in the middle of starting it.

    Raises:
        ConfigError: gradient clipping or accumulation, for a model with manual optimization.
    """
    if model.automatic_optimization:
        return
    harmless = {"gradient_clip_val": (None, 0), "accumulate_grad_batches": (1,)}
    for name, values in harmless.items():
        given = getattr(trainer, name)
        if given not in values:
            who = type(model).__name__
            raise ConfigError(f"trainer.{name}={given}: not for {who}, which steps its optimizers itself; leave it out")
