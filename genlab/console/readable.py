"""Numbers, paths and text as the console shows them."""

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def readable(value: float) -> str:
    """Two decimals, or three below ten: an ELBO of -98.16 nats, 1.108 bits per dimension."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def short(path: str | Path) -> str:
    """Relative to where the user is, if it lies below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


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


def allowed(given: str, names: Iterable[str], parent: str = "") -> str:
    """`did you mean vae? Allowed: autoencoder, flow, gan, vae`"""
    unique = sorted(set(names))
    near = difflib.get_close_matches(given, unique, n=1, cutoff=0.5)
    prefix = f"{parent}." if parent else ""
    meant = f"did you mean {prefix}{near[0]}? " if near else ""
    return f"{meant}Allowed: {', '.join(unique) or 'nothing'}"
