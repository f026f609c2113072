"""Event files for TensorBoard, in the run folder itself."""

from pydantic import NonNegativeInt
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from genlab.arguments import checked


class TensorBoard(TensorBoardLogger):
    """Lightning's logger without folders of names and versions.

    Args:
        folder: of the run.
        purge_step: of a resumed run: TensorBoard forgets what it has seen of this step and later ones, so that the
            curves do not double.
    """

    @checked
    def __init__(self, folder: str, purge_step: NonNegativeInt | None = None) -> None:
        super().__init__(save_dir=folder, name="", version="", default_hp_metric=False, purge_step=purge_step)

    @rank_zero_only
    def save(self) -> None:
        """Flush. Lightning's also looks for, and writes, a file of settings: config.yaml has them."""
        self.experiment.flush()
