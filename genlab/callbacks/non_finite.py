"""Stops a run that has left the finite numbers, before it overwrites its last good checkpoint."""

import math
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from genlab.errors import NonFiniteError


class NonFinite(Callback):
    """Raises `NonFiniteError` with the epoch, the batch and the quantity.

    Each loss is looked at before it is differentiated. A gradient that is not finite makes weights that are not, so it
    shows in the loss of the next batch, where the weights tell which of the two was to blame; and after the last batch
    of an epoch the weights are looked at before the checkpoint is written. So the price is one number a step.

    A gradient scaler (float16) skips steps by itself; then only the weights are looked at. On a GPU looking waits for
    the device: there what a step returns is looked at as rarely as it is logged, after the step, and the message says
    which batches it may have been.
    """

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        if loss.device.type != "cpu" or math.isfinite(loss.item()) or _skips(trainer):
            return
        batch, weight = trainer.fit_loop.batch_idx + 1, _first_non_finite(pl_module)
        if weight is not None and batch > 1:
            raise _error(trainer, f"gradient of {weight}", batch - 1, 1)
        raise _error(trainer, _name(pl_module), batch, 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        every_n: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if pl_module.device.type == "cpu" or (batch_idx + 1) % every_n or _skips(trainer) or not outputs:
            return
        finite = torch.stack(list(outputs.values())).isfinite().tolist()
        if not all(finite):
            raise _error(trainer, list(outputs)[finite.index(False)], batch_idx + 1, every_n)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        weight = _first_non_finite(pl_module)
        if weight is not None:
            raise _error(trainer, f"gradient of {weight}", int(trainer.num_training_batches), 1)


def _skips(trainer: Trainer) -> bool:
    return getattr(trainer.precision_plugin, "scaler", None) is not None


def _first_non_finite(model: LightningModule) -> str | None:
    return next((name for name, weight in model.named_parameters() if not weight.isfinite().all()), None)


def _name(model: LightningModule) -> str:
    """`loss`, or of which of several players, each of which trains alone."""
    training = [
        name for name, part in model.named_children() if any(weight.requires_grad for weight in part.parameters())
    ]
    return f"loss of the {training[0]}" if len(training) == 1 and not model.automatic_optimization else "loss"


def _error(trainer: Trainer, quantity: str, batch: int, every_n: int) -> NonFiniteError:
    batches = f"batch {batch}" if every_n == 1 else f"batches {max(1, batch - every_n + 1)} to {batch}"
    return NonFiniteError(
        f"non-finite {quantity} in epoch {trainer.current_epoch + 1}, {batches}; checkpoints are from before it. "
        "Try a smaller learning rate, or trainer.gradient_clip_val=1"
    )
