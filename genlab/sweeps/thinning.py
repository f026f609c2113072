"""sweep.keep=best: of runs that can be compared one keeps checkpoints and pictures; all keep their numbers."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genlab.errors import RunError
from genlab.runs.atomic import write_json
from genlab.runs.lock import locked
from genlab.runs.membership import PICTURES
from genlab.runs.reading import read_summary

THINNED = ("checkpoints", "images")  # folders of a run


@dataclass(frozen=True)
class Scored:
    """A finished run and the validation value that chose its best epoch."""

    folder: Path
    kind: tuple[str, ...]  # only runs of one are compared: the same model, data, metric, and way of measuring it
    metric: str
    value: float
    score: float  # the value, with the sign with which larger is better
    thinned: bool  # whether it has lost its checkpoints already


def thin(sweep: Path) -> None:
    """Remove the checkpoints and the pictures of each finished run that a finished run of its kind beats.

    Its config, summary, metrics.csv and the event files with its numbers stay. A run that is beaten once stays beaten,
    so this may be done whenever a job has ended. Runs are left whole that have not finished, and those that have no
    best epoch (a GAN with evaluate_every=0): nothing says which is better. The test metrics choose nothing.
    """
    runs = scored(sweep)
    best = best_of_each_kind(runs)
    for run in runs:
        if run is not best[run.kind] and not run.thinned:
            with suppress(RunError), locked(run.folder, patience=0):  # else another process has it
                _empty(run.folder)


def scored(sweep: Path) -> list[Scored]:
    """The runs of a sweep that can be compared with others."""
    runs = []
    for path in sweep.glob("*/summary.json"):
        with suppress(RunError, KeyError, TypeError, ValueError):
            summary = read_summary(path.parent)
            best = summary["best"]
            if summary["status"] == "finished":
                metric, value = best["metric"], float(best["value"])
                kind = (summary["model"], summary["data"], metric, summary["protocol"].get(metric, ""))
                score = value if best["mode"] == "max" else -value
                runs.append(Scored(path.parent, kind, metric, value, score, bool(summary.get("thinned"))))
    return runs


def best_of_each_kind(runs: Iterable[Scored]) -> dict[tuple[str, ...], Scored]:
    """The run with the highest score; of equals the one that still has its checkpoints, then the first folder."""
    best: dict[tuple[str, ...], Scored] = {}
    for run in sorted(runs, key=lambda run: (run.thinned, len(run.folder.name), run.folder.name)):
        if run.kind not in best or run.score > best[run.kind].score:
            best[run.kind] = run
    return best


def _empty(folder: Path) -> None:
    summary = read_summary(folder)
    # first: a run that loses its checkpoints and dies before this is written would look damaged
    write_json(folder / "summary.json", summary | {"thinned": True})
    for name in THINNED:
        if not (folder / name).is_symlink():
            shutil.rmtree(folder / name, ignore_errors=True)
    for events in folder.glob(f"events.out.tfevents.*{PICTURES}"):
        events.unlink()  # of a link, the link itself
