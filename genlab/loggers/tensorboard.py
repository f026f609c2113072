"""Event files for TensorBoard, in the run folder itself: one for numbers, and one for pictures."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from genlab.arguments import checked
from genlab.console.readable import to_copy
from genlab.loggers.broadcast import GLANCE
from genlab.quantities import is_sample_score
from genlab.runs.membership import PICTURES

_others = threading.excepthook


def _hear(fault: threading.ExceptHookArgs) -> None:
    """Be silent of a full disk that TensorBoard's thread meets: the next call of the writer raises the same error."""
    if not (issubclass(fault.exc_type, OSError) and type(fault.thread).__module__.startswith("tensorboard.")):
        _others(fault)


class TensorBoard(TensorBoardLogger):
    """Lightning's logger without folders of names and versions.

    Attributes:
        headline: the name of the model's first quantity, which the first screen shows.

    Args:
        folder: of the run.
        purge_step: of a resumed run: TensorBoard forgets what it has seen of this step and later ones, so that the
            curves do not double.
    """

    @checked
    def __init__(self, folder: str, purge_step: NonNegativeInt | None = None) -> None:
        super().__init__(save_dir=folder, name="", version="", default_hp_metric=False, purge_step=purge_step)
        threading.excepthook = _hear
        self._pictures: SummaryWriter | None = None
        self.headline = ""

    @property
    def view(self) -> tuple[str, str]:
        """The command that shows the run."""
        return "TensorBoard", to_copy(
            "tensorboard", "--logdir", Path(self.log_dir), "--samples_per_plugin", "images=200"
        )

    @property
    def pictures(self) -> SummaryWriter:
        """Writes pictures, nearly all of what a run's event files hold; their file can go without the numbers.

        It purges nothing: TensorBoard would forget the numbers of a resumed run that it has read from the other file.
        """
        if self._pictures is None:
            _ = self.experiment  # whose file comes first, and purges the pictures too
            self._pictures = SummaryWriter(self.log_dir, filename_suffix=PICTURES)
        return self._pictures

    @rank_zero_only
    def log_hyperparams(  # type: ignore[override]
        self, params: dict[str, Any], metrics: dict[str, float], step: int | None = None
    ) -> None:
        """The line of this run in the HParams tab.

        It names no columns: TensorBoard would take those of any one run for all. So it finds by itself in which
        settings the runs differ, and shows these first; for the jobs of a sweep the sweep does. `metrics` are the
        column of the result: the run logs its values.
        """
        _, started, ended = hparams(params, metrics)
        writer = self.experiment._get_file_writer()
        writer.add_summary(started)
        writer.add_summary(ended)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log them; the headline and the score of samples also where TensorBoard begins. The step says the epoch."""
        shown = {tag: value for tag, value in metrics.items() if tag != "epoch"}
        for tag, value in metrics.items():
            split, _, name = tag.partition("/")
            if split in ("train", "val") and (name == self.headline or is_sample_score(name)):
                # so named, the validation's come before the samples, which of many runs are many
                shown[f"{GLANCE}/{name if split == 'val' else f'train {name}'}"] = value
        super().log_metrics(shown, step)

    @rank_zero_only
    def save(self) -> None:
        """Flush. Lightning's also looks for, and writes, a file of settings: config.yaml has them."""
        self.experiment.flush()
        if self._pictures is not None:
            self._pictures.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        super().finalize(status)
        if self._pictures is not None:
            self._pictures.close()
