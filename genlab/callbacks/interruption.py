"""Ctrl-C, SIGTERM, and the end of a job's time: finish the batch, write last.ckpt, end."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.callbacks.checkpoints import Checkpoints
from genlab.callbacks.step_axis import batches_seen
from genlab.processes.peers import is_first, peers

SIGNALS = [signal.SIGINT, signal.SIGTERM]
# With one of these a queue announces the end of a job's time; they count where something listens to them already
ANNOUNCEMENTS = [getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)]  # not on Windows
AT_ONCE = 1.0  # seconds


class Interrupted(SystemExit):
    """A run that was told to stop and has written its state; the code is 128 + the number of the signal."""


class Interruption(Callback):
    """The first signal leaves a note, which is read between two batches of training; the second ends at once.

    At the last batch of an epoch the run goes on to the end of the epoch, where its checkpoint is written anyway. With
    several processes all of them stop at the same batch, if one of them was told to. torchrun passes Ctrl-C on to
    processes that have had it from the terminal already; both together are one signal. Where a queue announces the end
    of the job's time, what it does then comes after last.ckpt: see `genlab.sweeps.job`.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self._received: int | None = None
        self._since = 0.0
        self._outside = signal.getsignal(signal.SIGTERM)  # before Lightning puts its own in front
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            heard = [*SIGNALS, *(number for number in ANNOUNCEMENTS if callable(signal.getsignal(number)))]
            self._previous = {number: signal.signal(number, self._note) for number in heard}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            if self.checkpoints.writing:
                return  # after which the run ends anyway
            if peers() is not None and time.monotonic() - self._since < AT_ONCE:
                return
            self._restore()
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        self._received, self._since = number, time.monotonic()
        if is_first():
            print("\nfinishing the batch and writing last.ckpt; once more ends at once", file=sys.stderr)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        whole_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if self._told(trainer) and whole_step and not _ends_epoch(trainer) and not _validates(trainer, batch_idx):
            self._stop(save_in=trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Where it comes after a batch, because a run that goes on from that batch would leave it out."""
        within = trainer.state.fn == "fit" and not trainer.sanity_checking and not _ends_epoch(trainer)
        if within and self._told(trainer):
            self._stop(save_in=trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After the checkpoint of the epoch."""
        if self._told(trainer):
            self._stop()

    def _told(self, trainer: Trainer) -> bool:
        told = self._received is not None
        return trainer.strategy.reduce_boolean_decision(told, all=False) if trainer.world_size > 1 else told

    def _stop(self, save_in: Trainer | None = None) -> None:
        if save_in is not None:
            self.checkpoints.save(save_in, "last")
        self._restore()
        raise Interrupted(128 + (self._received or signal.SIGTERM))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()
        if self._received is not None:
            self._stop()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning's handler would ask the other processes in the middle of whatever they are doing together
        if trainer.world_size > 1 and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._outside)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}


def _ends_epoch(trainer: Trainer) -> bool:
    return trainer.is_last_batch or trainer.should_stop or trainer.global_step >= trainer.max_steps > -1


def _validates(trainer: Trainer, batch_idx: int) -> bool:
    """Whether validation comes after this batch, as far as batches and epochs decide it."""
    epochs, batches = trainer.check_val_every_n_epoch, trainer.val_check_batch
    if not trainer.enable_validation or batches is None or (epochs and (trainer.current_epoch + 1) % epochs):
        return False
    return (batch_idx + 1 if epochs else batches_seen(trainer)) % batches == 0
