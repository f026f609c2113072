"""One worker of a search: takes a trial, trains it, tells the study, until there are enough."""

import math
import shlex
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from genlab.console.readable import readable, short
from genlab.errors import ConfigError, GenlabError, NonFiniteError, RunError, plain
from genlab.processes.peers import check_one_device
from genlab.processes.signals import exit_on_sigterm
from genlab.runs.lock import locked
from genlab.training.train import build, train
from genlab.tuning.dimensions import suggest
from genlab.tuning.request import Request
from genlab.tuning.results import announce_end, progress, settings_line, write_best, write_results
from genlab.tuning.study import (
    ERROR,
    PATIENCE,
    best_of,
    claimed,
    fail_dead_trials,
    open_study,
    retry,
    sampler,
    settings_of,
    worker_folder,
)
from genlab.tuning.trial_callbacks import NotLoggedError, Pruned, Pruning, TrialEpochs
from genlab.tuning.trial_config import TrialConfigs


def tune(request: Request, configs: TrialConfigs) -> None:
    """Work on a search until it has all its trials; begin it, join it or go on with it.

    Raises:
        ConfigError: a setting, a bound or an option is refused, before anything is written.
        RunError: no trial has finished.
        KeyboardInterrupt, SystemExit: the worker was told to stop; its trial is back in the queue.
    """
    _check_values(configs)
    exit_on_sigterm()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with locked(request.folder, PATIENCE):
        study = open_study(request)
        request.save()
        if configs.users:  # so that the best experiment finds there what it names
            shutil.copytree(configs.users, request.folder / "conf", dirs_exist_ok=True)
    print(f"search       {request.search.metric}, {request.search.direction}, {request.search.trials} trials")
    print(f"folder       {short(request.folder)}", flush=True)
    try:
        _Worker(request, configs, study).work()
    except (KeyboardInterrupt, SystemExit):
        users = ["--config-dir", short(configs.users)] if configs.users else []
        command = shlex.join(["genlab", "tune", *users, f"tune.folder={short(request.folder)}"])
        print(f"interrupted; to go on: {command}{' tune.storage=URL' if request.storage else ''}", file=sys.stderr)
        raise
    finally:
        with locked(request.folder, PATIENCE):
            missing = write_results(study, request, configs)
    announce_end(study, request, configs, missing)
    if best_of(study) is None and not any(trial.state is TrialState.RUNNING for trial in claimed(study)):
        raise RunError(f"{short(request.folder)}: no trial has finished; trials.csv says why")


class _Worker:
    """Trains trial after trial.

    Whoever holds the lock of the search's folder may take a trial: Optuna's `MaxTrialsCallback` counts when a trial
    ends, so that of several workers each could begin a last one.
    """

    def __init__(self, request: Request, configs: TrialConfigs, study: optuna.Study) -> None:
        self.request = request
        self.configs = configs
        self.study = study
        self._told: BaseException | None = None  # what ends the worker, and not only the trial
        self._how = ""  # how the last trial ended
        self._admission = ExitStack()
        self._life = ExitStack()  # by which the other workers see that this one works on its trial

    def work(self) -> None:
        """Train until there are enough trials."""
        while self._told is None:
            with self._life, self._admission:
                self._admission.enter_context(locked(self.request.folder, PATIENCE))
                fail_dead_trials(self.study, self.request)
                trials = claimed(self.study)
                queued = any(trial.state is TrialState.WAITING for trial in trials)
                if len(trials) >= self.request.search.trials and not queued:
                    return
                try:  # Optuna's own loop, for one trial, because that has the heartbeat
                    self.study.optimize(self._run, n_trials=1, catch=(Exception,), callbacks=[self._say])
                except KeyboardInterrupt:
                    raise self._told or KeyboardInterrupt from None
        raise self._told

    def _run(self, trial: optuna.Trial) -> float:
        folder = worker_folder(self.request, trial.number)
        self._life.callback(shutil.rmtree, folder, ignore_errors=True)
        self._life.enter_context(locked(folder, PATIENCE))
        self._admission.close()  # the next worker may take a trial
        self.study.sampler = sampler(self.request.search, trial.number)
        try:
            for name, distribution in self.request.search.distributions.items():
                suggest(trial, name, distribution)
            print(f"trial {trial.number:<6} {settings_line(trial, self.request)}", flush=True)
            value = self._train(trial)
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

    def _train(self, trial: optuna.Trial) -> float:
        search = self.request.search
        values = settings_of(trial, search)
        cfg = self.configs.of_trial(values, f"{trial.number:04d}")

        def report(value: float, epoch: int) -> bool:
            trial.report(value, epoch)
            return trial.should_prune()

        pruning = Pruning(search, cfg.evaluate_every, report)
        watching = {"pruning": pruning, "trial_epochs": TrialEpochs(trial.number, sys.stdout)}
        with _console(Path(cfg.run_dir) / "console.log"):
            metrics = train(cfg, overrides=self.configs.typed(values), callbacks=watching)
        if search.metric not in metrics:
            raise NotLoggedError(search.metric, metrics)
        value = metrics[search.metric] if pruning.best is None else pruning.best
        if not math.isfinite(value):
            raise NonFiniteError(f"{search.metric} is {value}")
        return value

    def _say(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Print how a trial has ended, and write the best experiment if it is this one's."""
        best = best_of(study)
        if best is not None and best.number == trial.number:
            with locked(self.request.folder, PATIENCE):
                write_best(study, self.request, self.configs)
        seconds = trial.duration.total_seconds() if trial.duration else 0.0
        print(f"trial {trial.number:<6} {self._how}   {seconds:.0f} s   {progress(study, self.request)}", flush=True)


def _check_values(configs: TrialConfigs) -> None:
    """Check that constructors take every bound and every option, and that the data are there.

    A combination of settings may be wrong where each of them is right: a trial of it fails, and the search goes on.
    """
    errors, candidates = [], configs.candidates()
    for override, cfg in candidates:
        remedy = "start a worker for each device, with the same command and tune.folder"
        check_one_device(cfg.trainer, f"a trial has one; {remedy}")
        try:
            experiment = build(cfg)
        except GenlabError as error:
            if str(error).startswith(f"{override.partition('=')[0]}="):
                raise ConfigError(f"search.space: {error}") from None
            errors.append(error)
    if len(errors) == len(candidates):
        raise errors[0]
    experiment.data.prepare_data()


@contextmanager
def _console(path: Path) -> Iterator[None]:
    """Send the output of a run to a file, and the traceback of what ends it early."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file, redirect_stdout(file):
        try:
            yield
        except Exception:
            traceback.print_exc(file=file)
            raise
