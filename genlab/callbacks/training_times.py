"""times.csv: how long training had taken at each checkpoint."""

from pathlib import Path
from time import perf_counter
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.callbacks.step_axis import batches_seen
from genlab.runs.times import FILE, Times, read_times, write_times


class TrainingTimes(Callback):
    """A row (epoch, step, seconds) at the end of each epoch, and where a run is interrupted.

    The seconds are wall-clock time from the start of the run, of training alone: validation, pictures, checkpoints and
    the start of the process do not count, and neither does what a killed process had trained since its last
    checkpoint. Epoch and step are those of metrics.csv, which has no times itself because a resumed run writes the
    metrics that it would have written, to the bit.

    A run whose earlier times are lost gets no more of them.
    """

    def __init__(self) -> None:
        self._seconds = 0.0  # until the clock was started
        self._since: float | None = None
        self._rows: Times | None = []  # None: nobody knows any more

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._rows, step = [], batches_seen(trainer)
        if step:
            before = [row for row in read_times(_path(trainer)) if row[1] <= step]
            self._rows = before if before and before[-1][1] == step else None
            self._seconds = before[-1][2] if before else 0.0
        self._since = perf_counter()  # of an epoch that is resumed in its middle

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        step = batches_seen(trainer)
        if trainer.is_global_zero and self._rows is not None and step not in [row[1] for row in self._rows[-1:]]:
            self._rows.append((trainer.current_epoch, step, round(self._until_now(), 3)))
            write_times(_path(trainer), self._rows)

    def _until_now(self) -> float:
        return self._seconds + (0.0 if self._since is None else perf_counter() - self._since)

    def _stop(self) -> None:
        self._seconds, self._since = self._until_now(), None


def _path(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / FILE
