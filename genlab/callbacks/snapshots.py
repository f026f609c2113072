"""The weights of a few epochs, so that the explorer can replay training."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.arguments import configured
from genlab.callbacks.step_axis import batches_seen
from genlab.runs.snapshots import write_snapshot

EPOCHS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55)  # close together at first, when most changes


@configured
class Snapshots(Callback):
    """Writes `snapshots/epoch_0003.safetensors` below the trainer's `default_root_dir`, with 16 bits a number.

    Before training, and after the epochs 1, 2, 3, 5, 8, 13, 21, 34 and 55.

    Args:
        keep: how many of these; 0: none.
    """

    keep: Annotated[int, Field(ge=0, le=len(EPOCHS))] = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if batches_seen(trainer) == 0:
            self._write(trainer, pl_module, epoch=0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer, pl_module, trainer.current_epoch + 1)

    def _write(self, trainer: Trainer, model: LightningModule, epoch: int) -> None:
        if epoch in EPOCHS[: self.keep] and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            write_snapshot(Path(trainer.default_root_dir), epoch, model)
