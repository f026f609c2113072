"""The study: Optuna's record of all trials, shared by all workers of a search."""

import json
from collections import Counter
from collections.abc import Iterable

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from genlab.errors import ConfigError
from genlab.runs.lock import is_locked
from genlab.tuning.request import Request
from genlab.tuning.search import Search

PATIENCE = 100.0  # seconds for which a worker waits while others write into the SQLite file
HEARTBEAT = 60  # seconds between two signs of life in a database that machines share without sharing the folder
TRIES = 3  # of a trial whose worker dies

# Attributes of trials: SETTINGS are the values, as overrides have them
WORKER, SETTINGS, RETRIES, TRY, ERROR = "worker", "settings", "retries", "try", "error"

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "queued",
}


def open_study(request: Request) -> optuna.Study:
    """Create the study, or join it.

    Raises:
        ConfigError: the storage cannot be opened, or the study there is of another search.
    """
    url = request.storage or f"sqlite:///{request.folder / 'study.db'}"
    search = request.search
    options = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite") else {}
    beat = HEARTBEAT if request.storage else None
    pruner = optuna.pruners.MedianPruner(search.startup_trials, search.warmup_epochs + 1)  # its steps begin with 0
    try:
        storage = optuna.storages.RDBStorage(
            url, engine_kwargs=options, heartbeat_interval=beat, heartbeat_stale_trial_callback=retry
        )
        study = optuna.create_study(
            storage=storage,
            study_name=request.folder.name,
            direction="maximize" if search.direction == "maximise" else "minimize",
            pruner=pruner if search.prune else optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
    except (SQLAlchemyError, ImportError, ValueError, RuntimeError, optuna.exceptions.OptunaError) as error:
        why = " ".join(str(error.__cause__ or error).split())[:200]
        if request.storage is None:
            raise ConfigError(
                f"{request.folder / 'study.db'}: cannot be opened ({why}); restore it from a copy"
            ) from None
        raise ConfigError(
            f"tune.storage: cannot be opened ({why}); an example: postgresql://user:password@host/name"
        ) from None
    identity = json.loads(json.dumps(request.identity()))
    before = study.user_attrs.get("genlab")
    if before is None:
        study.set_user_attr("genlab", identity)
    elif before != identity:
        raise ConfigError(
            f"{request.folder}: is a search with other settings ({_difference(before, identity)}); leave them out to "
            "go on with it, or choose another tune.folder"
        )
    return study


def sampler(search: Search, number: int) -> optuna.samplers.BaseSampler:
    """Of one trial: a function of its number, so that a search which goes on does not draw the same settings again."""
    (seed,) = np.random.SeedSequence([search.seed, number]).generate_state(1)
    return optuna.samplers.TPESampler(seed=int(seed), constant_liar=True)


def claimed(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count: those that have ended, and those that some worker has, or will have, in hand."""
    trials = study.get_trials(deepcopy=False)
    retried = {trial.user_attrs[RETRIES] for trial in trials if RETRIES in trial.user_attrs}
    return [trial for trial in trials if trial.number not in retried]


def count(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """How many of them are in each of `STATES`."""
    states = Counter(STATES[trial.state] for trial in trials)
    return {name: states[name] for name in STATES.values()}


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """The best trial that has finished."""
    return study.best_trial if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) else None


def retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a trial whose worker has died, or was stopped, back into the queue."""
    attempt = trial.user_attrs.get(TRY, 1)
    if attempt < TRIES:
        study.enqueue_trial(trial.params, user_attrs={RETRIES: trial.number, TRY: attempt + 1})


def bury(study: optuna.Study, request: Request) -> None:
    """Fail and retry the trials whose workers are dead; to be called by one worker at a time.

    A worker is dead when nobody holds its lock. Of one on a machine that does not share the folder only the heartbeat
    tells.
    """
    trials = study.get_trials(deepcopy=False)
    retried = {trial.user_attrs[RETRIES] for trial in trials if RETRIES in trial.user_attrs}
    for trial in trials:
        if trial.state is not TrialState.RUNNING:
            continue
        worker = trial.user_attrs.get(WORKER)
        folder = request.folder / "workers" / str(worker)
        # without a name: it died between the birth of the trial and the next line, which only one worker does at a time
        dead = request.storage is None if worker is None else folder.is_dir() and not is_locked(folder)
        if dead:
            if trial.number not in retried:  # else whoever did this before has died here
                retry(study, trial)
            study.tell(trial.number, state=TrialState.FAIL)


def _difference(before: dict[str, object], now: dict[str, object]) -> str:
    if before.get("overrides") != now["overrides"]:
        return "overrides"
    one, other = before.get("search"), now["search"]
    assert isinstance(one, dict) and isinstance(other, dict)
    return ", ".join(f"search.{name}" for name in {**one, **other} if one.get(name) != other.get(name))
