"""Report each epoch's value to the study, and end trials that are worse than most."""

import math
from collections.abc import Callable

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.callbacks.interruption import Interrupted
from genlab.callbacks.step_axis import current_metrics
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
        if metric not in trainer.callback_metrics:
            if epoch % self.every_n_epochs == 0:
                raise not_logged(metric, trainer.callback_metrics)
            return
        value = current_metrics(trainer).get(metric)
        if value is None:  # that of an earlier epoch is still there
            return
        if not math.isfinite(value):
            raise NonFiniteError(f"{metric} is {value} after epoch {epoch}")
        if self.search.better(value, self.best):
            self.best = value
        self._prune = self.report(value, epoch)


class NotLoggedError(ConfigError):
    """The metric of a search is not logged by its runs, so no other trial would do better."""


def not_logged(metric: str, logged: object) -> NotLoggedError:
    """Return the error, which names what is logged."""
    names = [str(name) for name in logged if "/" in str(name)] if hasattr(logged, "__iter__") else []
    more = f"; {metric} needs evaluate_every=1" if is_sample_score(metric.removeprefix("val/")) else ""
    return NotLoggedError(f"search.metric={metric}: is not logged{more}; {allowed(metric, names)}")
