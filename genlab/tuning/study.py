"""The study: Optuna's record of all trials, shared by all workers of a search."""

import json
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from genlab.errors import ConfigError
from genlab.runs.identity import flat, varying
from genlab.runs.lock import is_locked
from genlab.tuning.dimensions import as_override
from genlab.tuning.request import Request
from genlab.tuning.search import Search

PATIENCE = 100.0  # seconds for which a worker waits while others write into the SQLite file
HEARTBEAT = 60  # seconds between two signs of life in a database that machines share without sharing the folder
TRIES = 3  # of a trial whose worker dies
ERROR = "error"  # attribute of a trial: why it failed
DRIVERS = {"psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "MySQLdb": "mysqlclient"}
STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "queued",
}

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # of heartbeats and retries
# Put a trial back into the queue: its worker was told to stop, or has died
retry = RetryHeartbeatStaleTrialCallback()
retry_dead = RetryHeartbeatStaleTrialCallback(max_retry=TRIES - 1)


def check_storage(request: Request) -> None:
    """Raise ConfigError as `open_study` would, within a second and without leaving anything."""
    with _explained(request):
        url = make_url(_url(request))
        path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        if path is None or path.exists():
            storage = _storage(request)
            if request.folder.name in optuna.get_all_study_names(storage):
                _check_identity(optuna.load_study(study_name=request.folder.name, storage=storage), request)
            return
    above = path.absolute().parents
    folder = above[0] if request.storage else next(folder for folder in above if folder.exists())  # ours is made
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: cannot be made, because {folder} is no folder, or nobody may write into it")


def open_study(request: Request) -> optuna.Study:
    """Create the study, or join it; ConfigError if it cannot be opened, or is of another search."""
    search = request.search
    pruner = optuna.pruners.MedianPruner(search.startup_trials, search.warmup_epochs + 1)  # its steps begin with 0
    with _explained(request):
        study = optuna.create_study(
            storage=_storage(request),
            study_name=request.folder.name,
            direction="maximize" if search.direction == "maximise" else "minimize",
            pruner=pruner if search.prune else optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        if "genlab" not in study.user_attrs:
            study.set_user_attr("genlab", request.identity())
        _check_identity(study, request)
        claimed(study)  # reads all trials
    return study


def sampler(search: Search, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial, seeded by its number: a search that goes on draws no settings a second time."""
    (seed,) = np.random.SeedSequence([search.seed, number]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(seed), constant_liar=True)


def claimed(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count: ended, running or queued, without those of which there is another try."""
    trials = study.get_trials(deepcopy=False)
    retried = _retried(trials)
    return [trial for trial in trials if trial.number not in retried]


def count(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """Count the trials in each of `STATES`."""
    return dict.fromkeys(STATES.values(), 0) | Counter(STATES[trial.state] for trial in trials)


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """Return the best finished trial."""
    return study.best_trial if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) else None


def settings_of(trial: FrozenTrial | optuna.Trial, search: Search) -> dict[str, str]:
    """Return the values of a trial, as overrides have them; ConfigError if the search does not allow them."""
    try:
        return {name: as_override(trial.params[name], part) for name, part in search.distributions.items()}
    except (KeyError, ValueError) as error:
        raise ConfigError(f"trial {trial.number}: the study has no such values in its space ({error})") from None


def worker_folder(request: Request, number: int) -> Path:
    """Return the folder whose lock is held by the worker that trains this trial."""
    return request.folder / "workers" / f"{number:04d}"


def fail_dead_trials(study: optuna.Study, request: Request) -> None:
    """Fail and retry the trials whose workers are dead; only one worker at a time may call this.

    A worker is dead when nobody holds the lock of its trial. Of one on a machine that does not share the folder only
    Optuna's heartbeat tells.
    """
    optuna.storages.fail_stale_trials(study)
    trials = study.get_trials()
    retried = _retried(trials)
    for trial in trials:
        folder = worker_folder(request, trial.number)
        # with SQLite all workers share the folder: a trial without a lock lost its worker before it was locked
        here = request.storage is None or folder.is_dir()
        if trial.state is TrialState.RUNNING and here and not is_locked(folder):
            if trial.number not in retried:  # else whoever did this before has died here
                retry_dead(study, trial)
            study.tell(trial.number, state=TrialState.FAIL)
            shutil.rmtree(folder, ignore_errors=True)


def _retried(trials: Iterable[FrozenTrial]) -> set[int]:
    """Return the numbers of the trials of which there is another try."""
    return {number for trial in trials for number in RetryHeartbeatStaleTrialCallback.retry_history(trial)}


def _url(request: Request) -> str:
    file = URL.create("sqlite", database=str(request.folder / "study.db"))
    return request.storage or file.render_as_string()


def _storage(request: Request) -> RDBStorage:
    url = _url(request)
    options = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite") else {}
    beat = HEARTBEAT if request.storage else None
    return RDBStorage(url, options, heartbeat_interval=beat, heartbeat_stale_trial_callback=retry_dead)


@contextmanager
def _explained(request: Request) -> Iterator[None]:
    """Turn what Optuna, SQLAlchemy and a damaged record raise into one line."""
    try:
        yield
    except (
        *(SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, RuntimeError),
        *(AttributeError, LookupError, TypeError, ValueError),  # of a record that somebody has changed
    ) as error:
        cause = error.__cause__ or error
        why = " ".join(str(cause).split())[:200]
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            package = DRIVERS.get(cause.name, cause.name)
            raise ConfigError(f"tune.storage: needs {cause.name}; pip install '{package}'") from None
        what = f"tune.storage: cannot be opened ({why}); an example: postgresql://user:password@host/name"
        if request.storage is None:
            what = f"{request.folder / 'study.db'}: cannot be opened ({why}); restore it from a copy"
        raise ConfigError(what) from None


def _check_identity(study: optuna.Study, request: Request) -> None:
    before, now = study.user_attrs.get("genlab"), json.loads(json.dumps(request.identity()))
    if before not in (None, now):
        differ = ", ".join(varying([flat(before), flat(now)]))
        raise ConfigError(
            f"{request.folder}: is a search with other settings ({differ}); leave them out to go on with it, or choose "
            "another tune.folder"
        )
