"""How far a trial is, while its own lines go into a file."""

from typing import TextIO

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console

from genlab.console.pulse import Pulse


class TrialEpochs(Callback):
    """`trial 3      epoch 4/40   2 min left` each half minute, and on a terminal in one line that changes.

    Args:
        number: of the trial.
        stream: where the search speaks.
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
