"""Numbers, paths and text as the console shows them."""

import os
from collections.abc import Sequence
from pathlib import Path


def readable(value: float) -> str:
    """Two decimals, or three below ten: an ELBO of -98.16 nats, 1.108 bits per dimension."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def short(path: str | Path) -> str:
    """Relative to where the user is, if it lies below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def plain(text: str) -> str:
    """One line without control characters, invisible ones or those that turn the direction of writing."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def aligned(cells: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """A line for each row of a table.

    Args:
        cells: rows, the first of which has the names of the columns.
        right: the names of the columns that are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    columns = list(zip(cells[0], widths, strict=True))
    return [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, (name, width) in zip(row, columns, strict=True)
        ).rstrip()
        for row in cells
    ]
