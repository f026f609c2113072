"""The comparison table as Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from genlab.report.comparison import Cell, Column, Comparison, compare
from genlab.report.grouping import group_runs, told_of_images
from genlab.report.reading import ReportedRun
from genlab.report.wording import range_of, with_spread

SPECIAL = "\\|<>&*_[]`#"  # characters that Markdown or HTML would obey


def table(runs: Sequence[ReportedRun], form: str) -> str:
    """The comparison of runs; `form` is markdown, csv or json. A single run is a table of one row."""
    comparisons = compare(group_runs(runs))
    return {"markdown": _markdown, "csv": _csv, "json": _json}[form](comparisons, runs)


def _markdown(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    lines: list[str] = []
    for comparison in comparisons:
        notes: list[str] = []
        lines += [f"### {_escaped(comparison.data)}", ""]
        heads = [_head(column, notes) for column in comparison.columns]
        lines += ["| " + " | ".join(["settings", "seeds", *heads]) + " |", "|---|" + "---:|" * (len(heads) + 1)]
        for group, cells in zip(comparison.groups, comparison.cells, strict=True):
            row = [_escaped(group.label), str(len(group.finished)), *(_said(cell, notes) for cell in cells)]
            lines.append("| " + " | ".join(row) + " |")
        lines += ["", *(f"{number}. {_escaped(note)}" for number, note in enumerate(notes, 1)), ""]
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


def _head(column: Column, notes: list[str]) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.better, "")
    unit = f" ({_escaped(column.unit)})" if column.unit else ""
    note = "" if column.kind == "cost" else f" ({_note(_protocol(column), notes)})"
    return f"{_escaped(column.name)}{arrow}{unit}{note}"


def _said(cell: Cell, notes: list[str]) -> str:
    if cell.mean is None:
        return f"n/a ({_note(cell.absent, notes)})"
    parts = [with_spread(cell.mean, cell.sd), range_of(cell.interval) if cell.interval else "", cell.verdict]
    return " ".join(part for part in parts if part)


def _note(text: str, notes: list[str]) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1


def _protocol(column: Column) -> str:
    words = [column.protocol or "protocol not stated, so it is not ranked"]
    return "; ".join([*words, *([f"features {column.features[:12]}"] if column.features else [])])


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in SPECIAL else c for c in text)


def _csv(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    """A line for each group and number: columns that do not depend on what was measured."""
    names = ("data", "settings", "seeds", "metric", "better", "unit", "protocol", "features")
    numbers = ("n", "mean", "sd", "low", "high", "verdict", "absent")
    file = io.StringIO()
    writer = csv.DictWriter(file, [*names, *numbers], lineterminator="\n")
    writer.writeheader()
    for entry in _entries(comparisons):
        cell = entry.pop("cell")
        writer.writerow({name: _no_formula(value) for name, value in {**entry, **cell}.items() if name != "values"})
    return file.getvalue()


def _no_formula(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula begins with a quote instead."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _entries(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    return [
        {
            "data": comparison.data,
            "settings": group.label,
            "seeds": len(group.finished),
            "metric": column.name,
            "better": column.better,
            "unit": column.unit,
            "protocol": column.protocol,
            "features": column.features,
            "cell": _cell(cell),
        }
        for comparison in comparisons
        for group, cells in zip(comparison.groups, comparison.cells, strict=True)
        for column, cell in zip(comparison.columns, cells, strict=True)
    ]


def _cell(cell: Cell) -> dict[str, Any]:
    low, high = cell.interval or (None, None)
    return {
        "n": len(cell.values),
        "values": list(cell.values),
        "mean": cell.mean,
        "sd": cell.sd,
        "low": low,
        "high": high,
        "verdict": cell.verdict,
        "absent": cell.absent,
    }


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
                        "metrics": [
                            {
                                "name": column.name,
                                "better": column.better,
                                "unit": column.unit,
                                "protocol": column.protocol,
                                "features": column.features,
                                **_cell(cell),
                            }
                            for column, cell in zip(comparison.columns, cells, strict=True)
                        ],
                    }
                    for group, cells in zip(comparison.groups, comparison.cells, strict=True)
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
