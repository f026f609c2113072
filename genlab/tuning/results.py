"""The results of a search: lines of progress, trials.csv, the best experiment, and pictures of how it was found."""

import csv
import io
import shlex
from collections.abc import Callable
from typing import Any

import matplotlib

matplotlib.use("agg")  # before pyplot: no window, wherever this runs

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.trial import FrozenTrial
from optuna.visualization import matplotlib as charts

from genlab.console.readable import readable, short
from genlab.runs.atomic import whole_file, write_text
from genlab.tuning.request import Request
from genlab.tuning.study import ERROR, STATES, best_of, claimed, count, settings_of
from genlab.tuning.trial_config import TrialConfigs

CHARTS: dict[str, tuple[Callable[..., Any], int]] = {  # with how many finished trials it needs
    "history": (charts.plot_optimization_history, 1),
    "slice": (charts.plot_slice, 1),
    "importance": (charts.plot_param_importances, 2),
}


def progress(study: optuna.Study, request: Request) -> str:
    """`8/50 done: 5 finished, 2 pruned, 1 failed   best val/elbo -97.10 (trial 3)`"""
    counts = count(claimed(study))
    done = sum(number for name, number in counts.items() if name in ("finished", "pruned", "failed"))
    states = ", ".join(f"{number} {name}" for name, number in counts.items() if number or name in ("pruned", "failed"))
    best = best_of(study)
    value = "none yet" if best is None else f"{_value(request, best)} (trial {best.number})"
    return f"{done}/{request.search.trials} done: {states}   best {value}"


def write_results(study: optuna.Study, request: Request, configs: TrialConfigs) -> list[str]:
    """Write trials.csv, the best experiment and the plots; return a line for each plot that cannot be drawn."""
    _write_table(study, request)
    write_best(study, request, configs)
    trials, missing = [trial for trial in study.get_trials(deepcopy=False) if STATES[trial.state] == "finished"], []
    for name, (draw, needs) in CHARTS.items():
        if len(trials) < needs:
            missing.append(f"{name}.png: needs {needs} finished trials, there are {len(trials)}")
        elif name == "importance" and len({trial.value for trial in trials}) == 1:
            missing.append(f"{name}.png: all trials have the same value")
        else:
            with plt.rc_context(), whole_file(request.folder / "plots" / f"{name}.png") as file:  # Optuna has a style
                _save(draw(study, target_name=request.search.metric), file)
    return missing


def write_best(study: optuna.Study, request: Request, configs: TrialConfigs) -> None:
    """Write the best experiment, if a trial has finished."""
    best = best_of(study)
    if best is not None:
        comment = f"The best of {request.folder.name}: {_value(request, best)}, trial {best.number}"
        configs.write_experiment(settings_of(best, request.search), comment, request.folder / "conf")


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
    counted = {trial.number for trial in claimed(study)}
    rows = [["trial", "state", request.search.metric, "epochs", "seconds", *request.search.space, "error"]]
    for trial in study.get_trials(deepcopy=False):
        state = STATES[trial.state] if trial.number in counted else "retried"
        seconds = "" if trial.duration is None else f"{trial.duration.total_seconds():.1f}"
        epochs = max(trial.intermediate_values, default="")
        values = [trial.params.get(name, "") for name in request.search.space]
        row = [trial.number, state, trial.value, epochs, seconds, *values, trial.user_attrs.get(ERROR, "")]
        rows.append(row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(request.folder / "trials.csv", text.getvalue())


def _save(axes: Any, file: Any) -> None:
    figure = np.ravel(axes)[0].figure
    if np.size(axes) > 1:  # side by side, one for each setting: Optuna lays their names and numbers over one another
        figure.set_size_inches(2.4 * np.size(axes) + 1.5, 4)
        for chart in np.ravel(axes):
            chart.set_xlabel(chart.get_xlabel().replace(".", ".\n"))
            chart.tick_params(axis="x", which="both", labelrotation=60, labelsize=8)
    figure.savefig(file, format="png", dpi=120, bbox_inches="tight")
    plt.close(figure)


def _value(request: Request, trial: FrozenTrial) -> str:
    assert trial.value is not None
    return f"{request.search.metric} {readable(trial.value)}"
