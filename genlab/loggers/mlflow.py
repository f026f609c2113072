"""MLflow."""

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from filelock import FileLock
from pydantic import Field
from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from genlab.arguments import checked
from genlab.console.readable import to_copy
from genlab.errors import ConfigError
from genlab.loggers.elsewhere import answered, keep_id, name_of, read_id, require
from genlab.runs.membership import group_of

ADDRESS = "MLFLOW_TRACKING_URI"
SWEEP = "genlab.sweep"


class MLflow(MLFlowLogger):
    """Lightning's logger as a run in the MLflow store of the user's own; the runs of a sweep are below one of its name.

    A config cannot say where numbers are sent: the store is MLflow's own choice, `MLFLOW_TRACKING_URI` or `mlflow.db`
    where the command runs. So a stranger's run may be resumed with it.

    Args:
        folder: of the run.
        experiment: its name; letters, digits, spaces, `-`, `_` and `.`.

    Raises:
        ConfigError: the package is missing, or the store does not answer.
    """

    @checked
    def __init__(self, folder: str, experiment: Annotated[str, Field(pattern=r"^[\w. -]{1,100}$")] = "genlab") -> None:
        require("mlflow")
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of each table of its database
        self.folder = Path(folder).absolute()
        self.address = mlflow.get_tracking_uri()
        self.group = group_of(self.folder)
        # Lightning makes the database when it gets these: only a run that begins does that
        self._lightnings: dict[str, Any] = {
            "experiment_name": experiment,
            "run_name": name_of(self.folder),
            "tracking_uri": self.address,
            "tags": {"genlab.folder": str(self.folder), **({SWEEP: self.group} if self.group else {})},
            "run_id": self._known(read_id(self.folder, "mlflow"), experiment),
        }
        self._begun = False

    def _known(self, run_id: str | None, experiment: str) -> str | None:
        """Ask a store that is there, before the run begins, whether it has the run: its id, or None if it has not."""
        import mlflow

        place = self.address.removeprefix("sqlite:///").removeprefix("file://")
        if "://" not in place and not Path(place).exists():
            if not os.access(Path(place).absolute().parent, os.W_OK):
                raise ConfigError(f"logger=mlflow: {self.address}: no folder that can be written; set {ADDRESS}")
            return None
        with self._answered():
            client = mlflow.MlflowClient(self.address)
            there = client.search_experiments(filter_string=f"name = '{experiment}'")
            found = [client.search_runs([e.experiment_id], f"attributes.run_id = '{run_id}'") for e in there if run_id]
        return run_id if any(found) else None

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """MLflow's client; the run begins when it is first asked for.

        Raises:
            ConfigError: the store does not answer, or refuses.
        """
        if self._begun:
            return super().experiment
        # of jobs that begin at once, one makes the database, the experiment and the run of their sweep
        lock = FileLock(platformdirs.user_cache_path("genlab", ensure_exists=True) / "mlflow.lock")
        with self._answered(), lock, _untouched():
            super().__init__(**self._lightnings)
            self._begun = True
            client = super().experiment
            if self._lightnings["run_id"]:  # resumed
                client.update_run(self.run_id, status="RUNNING")
            elif self.group:
                client.set_tag(self.run_id, "mlflow.parentRunId", self._parent(client))
            keep_id(self.folder, "mlflow", str(self.run_id))
        return client

    def _parent(self, client: Any) -> str:
        """The run that stands for the sweep; it has ended as soon as it is there."""
        where = f"tags.`{SWEEP}` = '{self.group}' and tags.`genlab.kind` = 'sweep'"
        for run in client.search_runs([self.experiment_id], where):
            return str(run.info.run_id)
        tags = {SWEEP: self.group, "genlab.kind": "sweep", "genlab.folder": str(self.folder.parent)}
        run = client.create_run(self.experiment_id, tags=tags, run_name=self.group)
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        """MLflow refuses another value of a parameter: that of a run which was resumed stays."""
        with self._answered():
            known = self.experiment.get_run(self.run_id).data.params
            super().log_hyperparams({name: value for name, value in params.items() if name not in known})

    @rank_zero_only
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        with self._answered():
            _ = self.experiment
            super().log_metrics(metrics, step)

    @property
    def save_dir(self) -> None:
        """Nothing is saved beside the store."""

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        if self._begun:
            super().finalize(status)

    def _answered(self) -> AbstractContextManager[None]:
        from mlflow.exceptions import MlflowException

        return answered(f"mlflow: {self.address}", MlflowException, f"see to that, or set {ADDRESS}")

    @property
    def view(self) -> tuple[str, str]:
        """Where the run is to be seen, or the command that shows it."""
        if self.address.startswith("http"):
            return "MLflow", f"{self.address}/#/experiments/{self.experiment_id}/runs/{self.run_id}"
        return "MLflow", to_copy("mlflow", "ui", "--backend-store-uri", self.address)


@contextmanager
def _untouched() -> Iterator[None]:
    """Lightning tells MLflow its address for the whole process, and MLflow the environment."""
    import mlflow

    before = os.environ.get(ADDRESS)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        os.environ.pop(ADDRESS, None)
        if before is not None:
            os.environ[ADDRESS] = before
