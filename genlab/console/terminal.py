"""Text from run folders on a terminal: strangers wrote it."""

import sys
from collections.abc import Sequence

from genlab.console.readable import aligned
from genlab.errors import plain


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = (), below: int = 0) -> None:
    """Aligned columns, a line a row.

    Args:
        names: of the columns.
        rows: a cell for each name.
        right: the names of the columns that are aligned to the right.
        below: so many last columns go to a line of their own, on a terminal that is too narrow for the whole row.
    """
    cells = [[plain(cell) for cell in row] for row in [names, *rows]]
    lines = aligned(cells, right)
    if not sys.stdout.isatty():
        print("\n".join(lines))
        return
    from rich.console import Console
    from rich.text import Text

    console, seconds = Console(), [""] * len(lines)
    if below and max(map(len, lines)) > console.width:
        lines = aligned([row[:-below] for row in cells], right)
        seconds = ["  ".join(filter(None, row[-below:])) for row in cells]
    for line, second in zip(lines, seconds, strict=True):
        # Text, because a string would be read as markup; the terminal folds what is too long, so that copies are whole
        console.print(Text(line), style="bold" if line is lines[0] else "", soft_wrap=True)
        if second:
            console.print(Text(f"  {second}"), style="dim", soft_wrap=True)
