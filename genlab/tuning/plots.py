"""Pictures of a search: how the best was found, which settings matter, and where the good values are."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")  # before pyplot: no window, wherever this runs

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.trial import TrialState
from optuna.visualization import matplotlib as charts

from genlab.runs.atomic import whole_file

CHARTS: dict[str, tuple[Callable[..., Any], int]] = {  # with how many finished trials it needs
    "history": (charts.plot_optimization_history, 1),
    "slice": (charts.plot_slice, 1),
    "importance": (charts.plot_param_importances, 2),
}


def write_plots(study: optuna.Study, metric: str, folder: Path) -> list[str]:
    """Write `history.png`, `slice.png` and `importance.png`; return a line for each that cannot be drawn, with why."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    missing = []
    for name, (draw, needs) in CHARTS.items():
        if len(finished) < needs:
            missing.append(f"{name}.png: needs {needs} finished trials, there are {len(finished)}")
        elif name == "importance" and len({trial.value for trial in finished}) == 1:
            missing.append(f"{name}.png: all trials have the same value")
        else:
            with plt.rc_context():  # Optuna changes the style of all figures
                _save(draw(study, target_name=metric), folder / f"{name}.png")
    return missing


def _spread(axes: Any) -> None:
    """Room for charts side by side, one for each setting: Optuna lays their names and numbers over one another."""
    axes[0].figure.set_size_inches(2.4 * len(axes) + 1.5, 4)
    for chart in axes:
        chart.set_xlabel(chart.get_xlabel().replace(".", ".\n"))
        chart.tick_params(axis="x", which="both", labelrotation=60, labelsize=8)


def _save(axes: Any, path: Path) -> None:
    figure = np.ravel(axes)[0].figure
    if np.size(axes) > 1:
        _spread(np.ravel(axes))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120, bbox_inches="tight")
    plt.close(figure)
    with whole_file(path) as file:
        file.write(picture.getvalue())
