"""One worker of a search: takes a trial, trains it, tells the study, until there are enough."""

import math
import os
import secrets
import shlex
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from genlab.console.readable import readable, short
from genlab.errors import ConfigError, GenlabError, NonFiniteError, RunError, plain
from genlab.runs.lock import locked
from genlab.training.train import build, train
from genlab.tuning.pruning import NotLoggedError, Pruned, Pruning, not_logged
from genlab.tuning.request import FILE, Request
from genlab.tuning.results import announce_end, progress, write_best, write_results
from genlab.tuning.study import ERROR, PATIENCE, SETTINGS, WORKER, best_of, bury, claimed, open_study, retry, sampler
from genlab.tuning.trial_config import Check, TrialConfigs

TERMINATED = 128 + signal.SIGTERM


def tune(request: Request, check: Check) -> None:
    """Work on a search until it has all its trials; begin it, join it or go on with it.

    Args:
        request: what is searched.
        check: see `TrialConfigs`.

    Raises:
        ConfigError: a setting, a bound or an option is refused, before anything is written.
        RunError: no trial has finished.
        KeyboardInterrupt, SystemExit: the worker was told to stop; its trial is back in the queue.
    """
    configs = TrialConfigs(request, check)
    _check_values(request, configs)
    signal.signal(signal.SIGTERM, _terminate)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    folder = request.folder / "workers" / worker
    with locked(folder), ExitStack() as joining:
        joining.callback(_leave_nothing, request, folder)
        with locked(request.folder, PATIENCE):
            study = open_study(request)
            request.save()
        joining.pop_all()
        print(f"search       {request.search.metric}, {request.search.direction}, {request.search.trials} trials")
        print(f"folder       {short(request.folder)}", flush=True)
        try:
            _Worker(request, configs, study, worker).work()
        except (KeyboardInterrupt, SystemExit):
            command = f"genlab tune tune.folder={shlex.quote(short(request.folder))}"
            print(f"interrupted; to go on: {command}{' tune.storage=URL' if request.storage else ''}", file=sys.stderr)
            raise
        finally:
            with locked(request.folder, PATIENCE):
                missing = write_results(study, request, configs)
    _remove_lock(folder)  # of a worker that ends by itself nobody asks whether it is alive
    announce_end(study, request, configs, missing)
    if best_of(study) is None and not any(trial.state is TrialState.RUNNING for trial in claimed(study)):
        raise RunError(f"{short(request.folder)}: no trial has finished; trials.csv says why")


class _Worker:
    def __init__(self, request: Request, configs: TrialConfigs, study: optuna.Study, name: str) -> None:
        self.request = request
        self.configs = configs
        self.study = study
        self.name = name
        self._told: BaseException | None = None  # what ends the worker, and not only the trial
        self._how = ""  # the last trial ended
        self._admission = ExitStack()

    def work(self) -> None:
        """Trial after trial."""
        while True:
            self._admission.enter_context(locked(self.request.folder, PATIENCE))
            try:
                bury(self.study, self.request)
                trials = claimed(self.study)
                queued = any(trial.state is TrialState.WAITING for trial in trials)
                if len(trials) >= self.request.search.trials and not queued:
                    return
                # by its own loop, for one trial, because that has the heartbeat
                self.study.optimize(self._run, n_trials=1, catch=(Exception,), callbacks=[self._say])
            except KeyboardInterrupt:
                raise self._told or KeyboardInterrupt from None
            finally:
                self._admission.close()
            if self._told is not None:
                raise self._told

    def _run(self, trial: optuna.Trial) -> float:
        trial.set_user_attr(WORKER, self.name)
        self._admission.close()  # the next worker may take a trial
        self.study.sampler = sampler(self.request.search, trial.number)
        try:
            values = {key: part.suggest(trial, key) for key, part in self.request.search.space.items()}
            trial.set_user_attr(SETTINGS, values)
            print(f"trial {trial.number:<6} {' '.join(f'{key}={value}' for key, value in values.items())}", flush=True)
            value = self._train(trial, values)
        except Pruned as pruned:
            self._how = f"pruned after epoch {pruned.epoch}"
            raise optuna.TrialPruned from None
        except (KeyboardInterrupt, SystemExit) as told:
            self._told = told
            retry(self.study, self.study.trials[trial.number])
            raise KeyboardInterrupt from None  # the one that Optuna answers
        except Exception as error:
            reason = plain(str(error) if isinstance(error, GenlabError) else f"{type(error).__name__}: {error}")
            trial.set_user_attr(ERROR, reason[:1000])
            self._how = f"failed: {reason}"
            if isinstance(error, NotLoggedError):
                self._told = error
            raise
        self._how = f"{self.request.search.metric} {readable(value)}"
        return value

    def _train(self, trial: optuna.Trial, values: dict[str, str]) -> float:
        cfg = self.configs.of_trial(values, f"{trial.number:04d}")
        search = self.request.search

        def report(value: float, epoch: int) -> bool:
            trial.report(value, epoch)
            return trial.should_prune()

        pruning = Pruning(search, cfg.evaluate_every, report)
        with _console(Path(cfg.run_dir) / "console.txt"):
            metrics = train(cfg, overrides=self.configs.typed(values), callbacks={"pruning": pruning})
        if search.metric not in metrics:
            raise not_logged(search.metric, metrics)
        value = metrics[search.metric] if pruning.best is None else pruning.best
        if not math.isfinite(value):
            raise NonFiniteError(f"{search.metric} is {value}")
        return value

    def _say(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """When the study knows how it ended."""
        best = best_of(study)
        if best is not None and best.number == trial.number:
            with locked(self.request.folder, PATIENCE):
                write_best(study, self.request, self.configs)
        seconds = trial.duration.total_seconds() if trial.duration else 0.0
        print(f"trial {trial.number:<6} {self._how}   {seconds:.0f} s   {progress(study, self.request)}", flush=True)


def _check_values(request: Request, configs: TrialConfigs) -> None:
    """That every bound and every option is one that its constructor takes, and that the data are there.

    A combination of settings may be wrong where each of them is right: a trial of it fails, and the search goes on.
    """
    errors, candidates = [], configs.candidates(request)
    for override, cfg in candidates:
        devices = cfg.trainer.devices
        if str(devices) != "1" and not (OmegaConf.is_list(devices) and len(devices) == 1):
            raise ConfigError(
                f"trainer.devices={devices}: a trial has one; start a worker for each device, with the same command "
                "and tune.folder"
            )
        try:
            experiment = build(cfg)
        except GenlabError as error:
            if str(error).startswith(f"{override.partition('=')[0]}="):
                raise ConfigError(f"search.space: {error}") from None
            errors.append(error)
    if len(errors) == len(candidates):
        raise errors[0]
    experiment.data.prepare_data()


def _leave_nothing(request: Request, worker: Path) -> None:
    """Of a search that cannot begin; what was there before stays."""
    _remove_lock(worker)
    with suppress(OSError):
        worker.parent.rmdir()
    if not (request.folder / "study.db").exists() and not (request.folder / FILE).exists():
        _remove_lock(request.folder)


def _remove_lock(folder: Path) -> None:
    with suppress(OSError):
        (folder / ".lock").unlink()
        folder.rmdir()


@contextmanager
def _console(path: Path) -> Iterator[None]:
    """What a run says goes to a file, and the traceback of what ends it early too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file, redirect_stdout(file):
        try:
            yield
        except Exception:
            traceback.print_exc(file=file)
            raise


def _terminate(*_: object) -> None:
    """On SIGTERM between two trials: leave through every `finally`."""
    sys.exit(TERMINATED)
