"""Weights & Biases."""

import io
import os
import secrets
from contextlib import AbstractContextManager, redirect_stderr
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment

from genlab.arguments import checked
from genlab.console.readable import to_copy
from genlab.errors import ConfigError
from genlab.loggers.elsewhere import answered, keep_id, name_of, read_id, require
from genlab.runs.membership import group_of


class WandB(WandbLogger):
    """Lightning's logger as a run on Weights & Biases of the user's own; the runs of a sweep are one group.

    A config cannot say where numbers are sent: server, team and login are those of the user's environment
    (`WANDB_BASE_URL`, `WANDB_ENTITY`, `wandb login`). So a stranger's run may be resumed with it. Its own files go
    where W&B puts them, into `wandb/` or below `WANDB_DIR`: they have links, which a run folder must not have.

    Args:
        folder: of the run.
        project: its name; letters, digits, `-`, `_` and `.`.
        offline: send nothing; `wandb sync` does later. So does `WANDB_MODE=offline`.

    Raises:
        ConfigError: the package is missing, nobody is logged in, or another run is open in this process.
    """

    @checked
    def __init__(
        self, folder: str, project: Annotated[str, Field(pattern=r"^[\w.-]{1,100}$")] = "genlab", offline: bool = False
    ) -> None:
        require("wandb")
        import wandb

        self.folder = Path(folder).absolute()
        mode = "offline" if offline else os.environ.get("WANDB_MODE", "online")
        if wandb.run is not None:
            raise ConfigError("logger=wandb: a run of W&B is open in this process; wandb.finish() ends it")
        with _answered():
            logged_in = mode != "online" or wandb.login(prompt=False)
        if not logged_in:
            raise ConfigError("logger=wandb: nobody is logged in; wandb login, or logger.wandb.offline=true")
        known = read_id(self.folder, "wandb")
        super().__init__(
            name=name_of(self.folder),
            save_dir=os.environ.get("WANDB_DIR", "."),
            id=known or secrets.token_hex(4),
            project=project,
            group=group_of(self.folder),
            mode=mode,
            config={"folder": str(self.folder)},
            settings=wandb.Settings(console="off", silent=True),
        )
        self._kept = known is not None

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run, which begins when it is first asked for.

        Raises:
            ConfigError: W&B does not answer, or refuses.
        """
        if not self._kept:
            keep_id(self.folder, "wandb", str(self.version))
            self._kept = True
        with _answered(), redirect_stderr(io.StringIO()):  # W&B warns of an argument that Lightning gives it
            return super().experiment

    @property
    def view(self) -> tuple[str, str]:
        """Where the run is to be seen, or the command that brings it there."""
        run = self.experiment
        if not run.offline:
            return "W&B", str(run.url)
        written = Path(run.dir).parent  # and those before it was resumed
        return "W&B", to_copy("wandb", "sync", *sorted(written.parent.glob(f"offline-run-*-{run.id}")))


def _answered() -> AbstractContextManager[None]:
    import wandb

    return answered("wandb", wandb.Error, "logger.wandb.offline=true needs no server")
