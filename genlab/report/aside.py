"""Which of many runs are listed and not compared: trials, debug runs, what has not finished or been evaluated."""

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from genlab.report.reading import ReportedRun
from genlab.runs.pretrained import run_folder

Aside = Mapping[str, Sequence[ReportedRun]]  # why → runs


def set_aside(runs: Sequence[ReportedRun], arguments: Sequence[str]) -> tuple[list[ReportedRun], Aside]:
    """The runs to compare, and the others with the reason; nothing is aside where nothing else is left.

    Args:
        runs: those that were found.
        arguments: what was asked for; a run that is named itself, or by a pattern, is compared.
    """
    named = {Path(path).resolve() for text in arguments for path in glob.glob(os.path.expanduser(run_folder(text)))}
    aside: dict[str, list[ReportedRun]] = {}
    shown: list[ReportedRun] = []
    for run in runs:
        why = "" if run.listed.folder.resolve() in named else _why(run)
        (aside.setdefault(why, []) if why else shown).append(run)
    return (shown, aside) if any(not run.broken for run in shown) else (list(runs), {})


def _why(run: ReportedRun) -> str:
    if run.broken:
        return ""
    if run.listed.folder.absolute().parent.name == "trials":
        return "from a search"
    if any(override.lstrip("+").startswith("debug=") for override in run.listed.overrides):
        return "for debugging"
    if run.listed.status != "finished":
        return run.listed.status
    return "not evaluated" if run.evaluation is None else ""
