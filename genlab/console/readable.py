"""Numbers, paths, commands and tables as the console shows them."""

import difflib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from genlab.errors import plain

_origin = "."


def readable(value: float) -> str:
    """Two decimals, or three below ten: an ELBO of -98.16 nats, 1.108 bits per dimension."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def duration(seconds: float) -> str:
    """`12 s`, `4 min` or `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def start_from(folder: str) -> None:
    """Where the user is, if that is no longer where the process is, as with `hydra.job.chdir=true`."""
    global _origin
    _origin = folder


def short(path: str | Path) -> str:
    """Relative to where the user is, if it lies below."""
    relative = os.path.relpath(path, _origin)
    return str(path) if relative.startswith("..") else relative


def to_copy(*words: str | Path) -> str:
    """A command line as a shell reads it; paths are those of `short`."""
    return shlex.join(short(word) if isinstance(word, Path) else word for word in words)


def allowed(given: str, names: Iterable[str], parent: str = "") -> str:
    """`did you mean vae? Allowed: autoencoder, flow, gan, vae`"""
    unique = sorted(set(names))
    near = difflib.get_close_matches(given, unique, n=1, cutoff=0.5)
    prefix = f"{parent}." if parent else ""
    meant = f"did you mean {prefix}{near[0]}? " if near else ""
    return f"{meant}Allowed: {', '.join(unique) or 'nothing'}"


def aligned(cells: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """A line for each row of a table, the first of which names the columns; those in `right` are aligned so."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    columns = list(zip(cells[0], widths, strict=True))
    return [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, (name, width) in zip(row, columns, strict=True)
        ).rstrip()
        for row in cells
    ]


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), below: int = 0) -> None:
    """Aligned columns, see `aligned`; the cells may hold what strangers wrote.

    So many last columns as `below` go to a line of their own, on a terminal that is too narrow for the whole row.
    """
    cells = [[plain(cell) for cell in row] for row in [names, *rows]]
    lines, seconds = aligned(cells, right), [""] * len(cells)
    if below and sys.stdout.isatty() and max(map(len, lines)) > shutil.get_terminal_size().columns:
        lines = aligned([row[:-below] for row in cells], right)
        seconds = ["  ".join(filter(None, row[-below:])) for row in cells]
    for number, (line, second) in enumerate(zip(lines, seconds, strict=True)):
        click.secho(line, bold=not number)  # which a pipe gets without the style
        if second:
            click.secho(f"  {second}", dim=True)
