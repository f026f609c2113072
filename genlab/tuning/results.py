"""The results of a search: lines of progress, trials.csv, the best experiment, plots."""

import csv
import io
import shlex

import optuna
from optuna.trial import FrozenTrial

from genlab.console.readable import readable, short
from genlab.runs.atomic import write_text
from genlab.tuning.experiment import write_experiment
from genlab.tuning.plots import write_plots
from genlab.tuning.request import Request
from genlab.tuning.study import ERROR, STATES, best_of, claimed, count, settings_of
from genlab.tuning.trial_config import TrialConfigs


def progress(study: optuna.Study, request: Request) -> str:
    """`8/50 done: 5 finished, 2 pruned, 1 failed   best val/elbo -97.10 (trial 3)`"""
    counts = count(claimed(study))
    done = sum(number for name, number in counts.items() if name in ("finished", "pruned", "failed"))
    states = ", ".join(f"{number} {name}" for name, number in counts.items() if number or name in ("pruned", "failed"))
    best = best_of(study)
    value = "none yet" if best is None else f"{_value(request, best)} (trial {best.number})"
    return f"{done}/{request.search.trials} done: {states}   best {value}"


def write_results(study: optuna.Study, request: Request, configs: TrialConfigs) -> list[str]:
    """Write trials.csv, the best experiment and the plots; return what cannot be drawn, and why."""
    _write_table(study, request)
    write_best(study, request, configs)
    return write_plots(study, request.search.metric, request.folder / "plots")


def write_best(study: optuna.Study, request: Request, configs: TrialConfigs) -> None:
    """Write the best experiment, if a trial has finished."""
    best = best_of(study)
    if best is not None:
        comment = f"The best of {request.folder.name}: {_value(request, best)}, trial {best.number}"
        write_experiment(configs, settings_of(best, request.search), comment, request.folder / "conf")


def announce_end(study: optuna.Study, request: Request, configs: TrialConfigs, missing: list[str]) -> None:
    """Print the best settings, what is missing and why, and the command that trains the best."""
    best, folder = best_of(study), request.folder
    print(f"trials       {progress(study, request)}   {short(folder / 'trials.csv')}")
    print(f"plots        {short(folder / 'plots')}{''.join(f'   no {why}' for why in missing)}")
    if best is not None:
        print(f"best         {settings_line(best, request)}")
        command = ["genlab", "train", "--config-dir", short(folder / "conf"), "experiment=best", *configs.deletions()]
        print(f"train it     {shlex.join(command)}", flush=True)


def settings_line(trial: FrozenTrial | optuna.Trial, request: Request) -> str:
    """`model.latent_dim=20 model.learning_rate=0.001`"""
    return " ".join(f"{name}={value}" for name, value in settings_of(trial, request.search).items())


def _write_table(study: optuna.Study, request: Request) -> None:
    names = ["trial", "state", request.search.metric, "epochs", "seconds", *request.search.space, "error"]
    counted = {trial.number for trial in claimed(study)}
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    for trial in study.get_trials(deepcopy=False):
        seconds = "" if trial.duration is None else f"{trial.duration.total_seconds():.1f}"
        error = trial.user_attrs.get(ERROR, "")
        row = {
            "trial": trial.number,
            "state": STATES[trial.state] if trial.number in counted else "retried",
            request.search.metric: "" if trial.value is None else trial.value,
            "epochs": max(trial.intermediate_values, default=""),
            "seconds": seconds,
            "error": error,
        }
        table.writerow({**row, **{name: trial.params.get(name, "") for name in request.search.space}})
    write_text(request.folder / "trials.csv", text.getvalue())


def _value(request: Request, trial: FrozenTrial) -> str:
    assert trial.value is not None
    return f"{request.search.metric} {readable(trial.value)}"
