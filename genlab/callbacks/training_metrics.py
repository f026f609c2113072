"""Logs what `training_step` returns, without a synchronisation or a Python float at each step."""

from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from genlab.callbacks.step_axis import batches_seen


class TrainingMetrics(Callback):
    """`training_step`'s dict of scalars → `train/…`: means over the last `log_every_n_steps` batches.

    The mean over the epoch so far is left in `trainer.callback_metrics`, for the console and the summary. Means
    weight each batch by its images, and are taken over all processes.

    This is why models do not call `self.log` in `training_step`: with a small network that costs a tenth of the step
    and more.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._window: Tensor | None = None  # Σ images · (metrics…, 1) since the last row, on the CPU
        self._epoch: Tensor | None = None
        self._latest: list[tuple[list[Any], int]] = []  # metrics that are not in the window yet, and images

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._window, self._epoch, self._latest = None, None, []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, _: int
    ) -> None:
        self._names = list(outputs)
        self._latest.append(([_kept(value) for value in outputs.values()], len(batch[0])))
        every_n = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if batches_seen(trainer) % every_n == 0 or trainer.is_last_batch:
            self._flush(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        window = self._of_all(trainer)
        if window is not None:  # the epoch was cut by a limit of steps or time
            self._show(trainer, window if self._epoch is None else self._epoch + window)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _log_step(trainer, pl_module, trainer.current_epoch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # the last that has begun, which a limit may have ended before the run was resumed
        _log_step(trainer, pl_module, trainer.fit_loop.epoch_progress.current.ready)

    def _flush(self, trainer: Trainer) -> None:
        window = self._of_all(trainer)
        assert window is not None
        self._epoch = window if self._epoch is None else self._epoch + window
        self._window = None
        for logger in trainer.loggers:
            row = {**self._means(window), "epoch": trainer.current_epoch}
            logger.log_metrics(row, step=batches_seen(trainer))
            logger.save()
        self._show(trainer, self._epoch)

    def _of_all(self, trainer: Trainer) -> Tensor | None:
        """The window, over all processes.

        What is latest is copied from its device at once, the only wait for it, and added batch by batch: so the sums of
        a resumed run are those of one that was never stopped, to the bit.
        """
        if self._latest:
            kept = [value for metrics, _ in self._latest for value in metrics]
            values = torch.stack(kept).cpu() if isinstance(kept[0], Tensor) else torch.tensor(kept)
            images = torch.tensor([[count] for _, count in self._latest])
            for row in torch.cat([values.view(len(images), -1), torch.ones_like(images)], dim=1) * images:
                self._window = row if self._window is None else self._window + row
            self._latest = []
        if self._window is None or trainer.world_size == 1:
            return self._window
        window = self._window.clone().to(trainer.strategy.root_device)
        return cast(Tensor, trainer.strategy.reduce(window, reduce_op="sum")).cpu()

    def _show(self, trainer: Trainer, sums: Tensor) -> None:
        trainer.callback_metrics.update({name: torch.tensor(mean) for name, mean in self._means(sums).items()})

    def _means(self, sums: Tensor) -> dict[str, float]:
        *means, _ = (sums / sums[-1]).tolist()
        return {f"train/{name}": mean for name, mean in zip(self._names, means, strict=True)}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        state = {"names": self._names, "window": self._of_all(trainer), "epoch": self._epoch}
        checkpoint["training_metrics"] = state

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["training_metrics"]
        self._names = state["names"]
        self._window, self._epoch = (None if sums is None else sums.cpu() for sums in (state["window"], state["epoch"]))
        if self._window is not None and not trainer.is_global_zero:
            self._window = torch.zeros_like(self._window)  # the sum over all processes goes on in one of them


def _log_step(trainer: Trainer, pl_module: LightningModule, epoch: int) -> None:
    # Lightning takes a logged `step` as the step of the row; its own count differs under gradient accumulation.
    pl_module.log("step", float(batches_seen(trainer)))
    pl_module.log("epoch", float(epoch))


def _kept(value: Tensor) -> Tensor | float:
    """A number until the next row; on a CPU as Python's, since small tensors that stay lie between the large ones of
    the steps, which then get new memory again and again.
    """
    return value.item() if value.device.type == "cpu" else value.detach()
