"""The comparison table as Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from genlab.report.comparison import Comparison, comparisons_of
from genlab.report.grouping import Group, group_runs, told_of_images
from genlab.report.reading import ReportedRun
from genlab.report.wording import Notes, in_brief, range_of, with_spread
from genlab.runs.comparison import Column

SPECIAL = "\\|<>&*_[]`#"  # characters that Markdown or HTML would obey
COLUMNS = (
    *("data", "settings", "seeds", "metric", "better", "unit", "protocol", "features"),
    *("n", "mean", "sd", "low", "high", "verdict", "absent", "estimators"),
)


def table(runs: Sequence[ReportedRun], form: str) -> str:
    """The comparison of runs; `form` is markdown, csv or json. A single run is a table of one row."""
    comparisons = comparisons_of(group_runs(runs))
    return {"markdown": _markdown, "csv": _csv, "json": _json}[form](comparisons, runs)


def _markdown(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    lines: list[str] = []
    for comparison in comparisons:
        notes = Notes()
        lines += [f"### {_escaped(comparison.data)}", ""]
        heads = [_head(comparison, column, notes) for column in comparison.cells]
        lines += ["| " + " | ".join(["settings", "seeds", *heads]) + " |", "|---|" + "---:|" * (len(heads) + 1)]
        for group in comparison.groups:
            cells = [_said(comparison, column, group, notes) for column in comparison.cells]
            lines.append("| " + " | ".join([_escaped(group.label), str(len(group.finished)), *cells]) + " |")
        lines += ["", *(f"{number}. {_escaped(note)}" for number, note in enumerate(notes.texts, 1)), ""]
    lines += [
        "Mean ± standard deviation over seeds, [bootstrap 95 % interval of the mean], which of fewer than six seeds is "
        "too narrow. Not distinguishable: from the best of the column, by Welch's t-test at 5 % (Bonferroni).",
        "",
        *(f"{_escaped(sentence)}\n" for sentence in told_of_images(runs)),
    ]
    for run in runs:
        if run.listed.status != "finished":
            lines.append(
                f"- {': '.join(_escaped(said) for said in (run.listed.status, run.name, run.listed.reason) if said)}"
            )
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(comparison: Comparison, column: Column, notes: Notes) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(column.better, "")
    unit = f" ({_escaped(column.unit)})" if column.unit else ""
    note = "" if column.kind == "cost" else f" ({notes.number(comparison.measured(column))})"
    return f"{_escaped(column.name)}{arrow}{unit}{note}"


def _said(comparison: Comparison, column: Column, group: Group, notes: Notes) -> str:
    cell = comparison.cells[column][group]
    if cell.mean is None:
        return f"n/a ({notes.number(cell.absent)})"
    interval = None if column.kind == "cost" else cell.interval
    parts = [
        with_spread(cell.mean, cell.sd),
        *(f"{_escaped(in_brief(how))} ({notes.number(how)})" for how in comparison.beside(column, group)),
        range_of(interval) if interval else "",
        cell.verdict,
    ]
    return " ".join(filter(None, parts))


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in SPECIAL else c for c in text)


def _csv(comparisons: Sequence[Comparison], runs: Sequence[ReportedRun]) -> str:
    """A line for each group and number: columns that do not depend on what was measured."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for comparison in comparisons:
        for group in comparison.groups:
            of_group = {"data": comparison.data, "settings": group.label, "seeds": len(group.finished)}
            for metric in _metrics(comparison, group):
                row = {**metric, **of_group, "metric": metric["name"], "estimators": "; ".join(metric["estimators"])}
                # a text that a spreadsheet would run as a formula begins with a quote instead
                formulas = {k: f"'{v}" for k, v in row.items() if isinstance(v, str) and v[:1] in ("=", "+", "-", "@")}
                writer.writerow(row | formulas)
    return file.getvalue()


def _metrics(comparison: Comparison, group: Group) -> list[dict[str, Any]]:
    """A group's numbers, with what is to be known of them."""
    metrics = []
    for column, cells in comparison.cells.items():
        cell = cells[group]
        low, high = (None if column.kind == "cost" else cell.interval) or (None, None)
        numbers = {"n": len(cell.values), "mean": cell.mean, "sd": cell.sd, "low": low, "high": high}
        metrics.append({**asdict(column), **asdict(cell), **numbers})
    return metrics


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
                        "metrics": _metrics(comparison, group),
                    }
                    for group in comparison.groups
                ],
            }
            for comparison in comparisons
        ],
        "runs": [
            {
                "folder": str(run.listed.folder.absolute()),
                **{name: getattr(run.listed, name) for name in ("status", "reason", "model", "seed")},
            }
            for run in runs
        ],
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
