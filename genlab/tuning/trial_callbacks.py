"""What watches a trial: each epoch's value for the study, an early end if it is worse than most, and how far it is."""

import math
from collections.abc import Callable, Iterable
from typing import TextIO

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console

from genlab.callbacks.interruption import Interrupted
from genlab.callbacks.step_axis import current_metrics
from genlab.console.pulse import Pulse
from genlab.console.readable import allowed
from genlab.errors import ConfigError, NonFiniteError
from genlab.processes.signals import TERMINATED
from genlab.quantities import is_sample_score
from genlab.tuning.search import Search


class Pruned(Interrupted):
    """A trial that is not worth further epochs; its run is interrupted, and can be resumed."""

    def __init__(self, epoch: int) -> None:
        super().__init__(TERMINATED)
        self.epoch = epoch


class NotLoggedError(ConfigError):
    """The metric of a search is not logged by its runs, so no other trial would do better; names what is logged."""

    def __init__(self, metric: str, logged: Iterable[str]) -> None:
        more = f"; {metric} needs evaluate_every=1" if is_sample_score(metric.removeprefix("val/")) else ""
        names = [name for name in logged if "/" in name]
        super().__init__(f"search.metric={metric}: is not logged{more}; {allowed(metric, names)}")


class Pruning(Callback):
    """Reports the value after each epoch with a validation, and may end the trial before the next epoch.

    Not before, so that the epoch's checkpoint is written and its line printed.

    Args:
        search: names the metric.
        every_n_epochs: the metric must have been logged within so many epochs.
        report: (value, epoch) → whether the trial should end.
    """

    def __init__(self, search: Search, every_n_epochs: int, report: Callable[[float, int], bool]) -> None:
        self.search = search
        self.every_n_epochs = max(1, every_n_epochs)
        self.report = report
        self.best: float | None = None
        self._prune = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._prune:
            raise Pruned(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metric, epoch = self.search.metric, trainer.current_epoch + 1
        every_n = trainer.check_val_every_n_epoch or 1
        if not metric.startswith("val/") or epoch % every_n:
            return
        if metric not in trainer.callback_metrics and epoch % self.every_n_epochs == 0:
            raise NotLoggedError(metric, trainer.callback_metrics)
        value = current_metrics(trainer).get(metric)
        if value is None:  # none yet, or that of an earlier epoch is still there
            return
        if not math.isfinite(value):
            raise NonFiniteError(f"{metric} is {value} after epoch {epoch}")
        if self.search.better(value, self.best):
            self.best = value
        self._prune = self.report(value, epoch)


class TrialEpochs(Callback):
    """`trial 3      epoch 4/40   2 min left` each half minute, and on a terminal in one line that changes.

    It goes to the stream where the search speaks, while the trial's own lines go into a file.
    """

    def __init__(self, number: int, stream: TextIO) -> None:
        self._name = f"trial {number:<6} epoch"
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._status = self._console.status(self._name)
        self.pulse = Pulse()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.pulse.line(0, 1)
        if self._console.is_terminal:
            self._status.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        done = trainer.current_epoch + 1
        total = max(done, trainer.max_epochs or 0)
        line = self.pulse.line(done, total)
        if self._console.is_terminal:
            self._status.update(f"{self._name} {done}/{total}")
        elif line:
            self._console.print(f"{self._name} {line}")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._status.stop()
