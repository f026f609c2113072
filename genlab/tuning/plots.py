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


def _save(axes: Any, path: Path) -> None:
    figure = np.ravel(axes)[0].figure
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120, bbox_inches="tight")
    plt.close(figure)
    with whole_file(path) as file:
        file.write(picture.getvalue())
