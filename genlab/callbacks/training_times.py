"""times.csv: how long training had taken at each checkpoint."""

from pathlib import Path
from time import perf_counter
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.callbacks.step_axis import batches_seen
from genlab.runs.metrics import TIMES, Times, read_times, write_times


class TrainingTimes(Callback):
    """A row (epoch, step, seconds) at the end of each epoch.

    The seconds are wall-clock time from the start of the run, of training alone: validation, pictures, checkpoints and
    the start of the process do not count, and neither does what a killed process had trained since its last
    checkpoint, which has the seconds of an epoch that is interrupted. Epoch and step are those of metrics.csv, which
    has no times itself because a resumed run writes the metrics that it would have written, to the bit.

    A run whose earlier times are lost gets no more of them.
    """

    def __init__(self) -> None:
        self._seconds = 0.0  # until the clock was started
        self._since: float | None = None
        self._rows: Times | None = []  # None: nobody knows any more
        self._last_step = 0  # of the last row

    @property
    def costs(self) -> dict[str, float]:
        """Seconds of training until the last checkpoint, for the summary."""
        return {"training_seconds": self._rows[-1][2]} if self._rows else {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        rows = [row for row in read_times(_path(trainer)) if row[1] <= self._last_step]
        self._rows = rows if self._last_step == (rows[-1][1] if rows else 0) else None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock runs; an epoch that is resumed in its middle has no start of its own."""
        self._since = perf_counter()

    on_train_epoch_start = on_validation_end = on_train_start

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The clock stands still."""
        self._seconds, self._since = self._until_now(), None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.on_validation_start(trainer, pl_module)
        if trainer.is_global_zero and self._rows is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._last_step = batches_seen(trainer)
            self._rows.append((trainer.current_epoch, self._last_step, round(self._seconds, 3)))
            write_times(_path(trainer), self._rows)

    def _until_now(self) -> float:
        return self._seconds + (0.0 if self._since is None else perf_counter() - self._since)

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self._until_now(), "last_step": self._last_step}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._last_step = -1  # which no row has, if there is no state: an older genlab has written the checkpoint

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._seconds, self._last_step = float(state_dict["seconds"]), int(state_dict["last_step"])


def _path(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / TIMES
