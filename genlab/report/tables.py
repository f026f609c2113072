"""The comparison table as Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from genlab.report.comparison import Cell, Column, Comparison, compare
from genlab.report.grouping import Group, group_runs, told_of_images
from genlab.report.reading import ReportedRun
from genlab.report.wording import Notes, range_of, with_spread

SPECIAL = "\\|<>&*_[]`#"  # characters that Markdown or HTML would obey


def table(runs: Sequence[ReportedRun], form: str) -> str:
    """The comparison of runs; `form` is markdown, csv or json. A single run is a table of one row."""
    comparisons = compare(group_runs(runs))
    return {"markdown": _markdown, "csv": _csv, "json": _json}[form](comparisons, runs)


def _markdown(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    lines: list[str] = []
    for comparison in comparisons:
        notes = Notes()
        lines += [f"### {_escaped(comparison.data)}", ""]
        heads = [_head(column, notes) for column in comparison.columns]
        lines += ["| " + " | ".join(["settings", "seeds", *heads]) + " |", "|---|" + "---:|" * (len(heads) + 1)]
        for group, cells in zip(comparison.groups, comparison.cells, strict=True):
            row = [_escaped(group.label), str(len(group.finished)), *(_said(cell, notes) for cell in cells)]
            lines.append("| " + " | ".join(row) + " |")
        lines += ["", *(f"{number}. {_escaped(note)}" for number, note in enumerate(notes.texts, 1)), ""]
    lines += [
        "Mean ± standard deviation over seeds, [bootstrap 95 % interval of the mean], which of fewer than six seeds is "
        "too narrow. Not distinguishable: from the best of the column, by Welch's t-test at 5 % (Bonferroni).",
        "",
        *(f"{_escaped(sentence)}\n" for sentence in told_of_images(runs)),
    ]
    for run in runs:
        if run.listed.status != "finished":
            reason = f": {_escaped(run.listed.reason)}" if run.listed.reason else ""
            lines.append(f"- {run.listed.status}: {_escaped(run.name)}{reason}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(column: Column, notes: Notes) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.better, "")
    unit = f" ({_escaped(column.unit)})" if column.unit else ""
    note = "" if column.kind == "cost" else f" ({notes.number(column.measured)})"
    return f"{_escaped(column.name)}{arrow}{unit}{note}"


def _said(cell: Cell, notes: Notes) -> str:
    if cell.mean is None:
        return f"n/a ({notes.number(cell.absent)})"
    parts = [with_spread(cell.mean, cell.sd), range_of(cell.interval) if cell.interval else "", cell.verdict]
    return " ".join(part for part in parts if part)


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in SPECIAL else c for c in text)


def _csv(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    """A line for each group and number: columns that do not depend on what was measured."""
    names = ("data", "settings", "seeds", "metric", "better", "unit", "protocol", "features")
    numbers = ("n", "mean", "sd", "low", "high", "verdict", "absent")
    file = io.StringIO()
    writer = csv.DictWriter(file, [*names, *numbers], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for comparison in comparisons:
        for group, metrics in _rows(comparison):
            for metric in metrics:
                of_group = {"data": comparison.data, "settings": group.label, "seeds": len(group.finished)}
                row = {**of_group, "metric": metric["name"], **metric}
                writer.writerow({name: _no_formula(value) for name, value in row.items()})
    return file.getvalue()


def _no_formula(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula begins with a quote instead."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _rows(comparison: Comparison) -> Iterator[tuple[Group, list[dict[str, Any]]]]:
    """Each group, and its numbers with what is to be known of them."""
    for group, cells in zip(comparison.groups, comparison.cells, strict=True):
        yield group, [_metric(column, cell) for column, cell in zip(comparison.columns, cells, strict=True)]


def _metric(column: Column, cell: Cell) -> dict[str, Any]:
    low, high = cell.interval or (None, None)
    of_cell = {"values": list(cell.values), "mean": cell.mean, "sd": cell.sd, "low": low, "high": high}
    of_column = {name: getattr(column, name) for name in ("name", "better", "unit", "protocol", "features")}
    return {**of_column, "n": len(cell.values), **of_cell, "verdict": cell.verdict, "absent": cell.absent}


def _json(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    content = {
        "comparisons": [
            {
                "data": comparison.data,
                "groups": [
                    {
                        "label": group.label,
                        "model": group.model,
                        "settings": group.varied,
                        "runs": [str(run.listed.folder.absolute()) for run in group.runs],
                        "metrics": metrics,
                    }
                    for group, metrics in _rows(comparison)
                ],
            }
            for comparison in comparisons
        ],
        "runs": [
            {
                "folder": str(run.listed.folder.absolute()),
                "status": run.listed.status,
                "reason": run.listed.reason,
                "model": run.listed.model,
                "seed": run.listed.seed,
            }
            for run in runs
        ],
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
