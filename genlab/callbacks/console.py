"""What a run says on the console: one line an epoch, and a progress bar on a terminal, or elsewhere a sign of life."""

import time
from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from genlab.callbacks.step_axis import older_metrics
from genlab.capabilities import Reports
from genlab.console.pulse import Pulse
from genlab.console.readable import readable
from genlab.quantities import is_sample_score


class EpochLines(Callback):
    """`epoch 3/40   train elbo -107.21   val elbo -106.02   reconstruction -82.27   kl 23.75   4.2 s`

    On a terminal a bar moves in training, in validation and in the test, and says when pictures are drawn. Where the
    output is no terminal, each half minute also `epoch 3/40   train elbo -109.45   batch 120/860   4 min
    left`, and in the test `test   batch 12/20   1 min left`.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = TaskID(0)
        self.pulse = Pulse()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()  # of an epoch that is resumed in its middle

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()
        self.pulse.restart()
        self._bar(trainer, _epoch(trainer), trainer.num_training_batches)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        def words() -> str:
            return "   ".join([_epoch(trainer), *_values(trainer, "train", _quantities(pl_module)[:1])])

        self._advance(trainer, batch_idx + 1, trainer.num_training_batches, words)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar(trainer, f"{_epoch(trainer)}   validation", sum(trainer.num_val_batches))

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if self._has_bar(trainer):
            self._progress.update(self._task, completed=batch_idx + 1)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_last_batch:
            self._bar(trainer, f"{_epoch(trainer)}   pictures and checkpoints", None)
        else:  # of several validations in an epoch
            self._bar(trainer, _epoch(trainer), trainer.num_training_batches)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()
        if trainer.is_global_zero:
            train = _values(trainer, "train", _quantities(pl_module)[:1])
            val = _values(trainer, "val", (*_quantities(pl_module), *_sample_scores(trainer)))
            seconds = f"{time.perf_counter() - self._started:.1f} s"
            self._console.print("   ".join([_epoch(trainer), *train, *val, seconds]))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.pulse.restart()
        self._bar(trainer, "test", sum(trainer.num_test_batches))

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        done, total = batch_idx + 1, trainer.num_test_batches[0]
        self._advance(trainer, done, total, lambda: "test")
        if done == total:
            self._bar(trainer, "test   likelihood", None)  # see `TestNLL`

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stop()

    def _has_bar(self, trainer: Trainer) -> bool:
        return self._console.is_terminal and trainer.is_global_zero

    def _bar(self, trainer: Trainer, words: str, total: float | None) -> None:
        """Begin one, or show something else in it; without a total it only moves."""
        if self._has_bar(trainer):
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
            self._task = self._progress.add_task(words, total=total)
            self._progress.start()

    def _advance(self, trainer: Trainer, done: int, total: float, words: Callable[[], str]) -> None:
        """Move the bar; or print a line, if one is due."""
        if self._has_bar(trainer):
            self._progress.update(self._task, completed=done, description=words())
        elif trainer.is_global_zero and (line := self.pulse.line(done, int(total))):
            self._console.print(f"{words()}   batch {line}")

    def _stop(self) -> None:
        if self._progress.live.is_started:
            self._progress.stop()


def _epoch(trainer: Trainer) -> str:
    epoch, last = trainer.current_epoch + 1, trainer.max_epochs
    return f"epoch {epoch}" if last in (None, -1) else f"epoch {epoch:>{len(str(last))}}/{last}"


def _values(trainer: Trainer, split: str, names: tuple[str, ...]) -> list[str]:
    older, metrics = older_metrics(trainer), trainer.callback_metrics
    # only those that are shown: to read one of validation waits for a GPU
    tags = {name: f"{split}/{name}" for name in names if f"{split}/{name}" in metrics.keys() - older.keys()}
    values = [f"{name} {readable(float(metrics[tag]))}" for name, tag in tags.items()]
    return [f"{split} {values[0]}", *values[1:]] if values else []


def _sample_scores(trainer: Trainer) -> list[str]:
    names = dict.fromkeys(tag.rpartition("/")[2] for tag in trainer.callback_metrics)
    return [name for name in names if is_sample_score(name)]


def _quantities(model: LightningModule) -> tuple[str, ...]:
    return model.quantities if isinstance(model, Reports) else ()
