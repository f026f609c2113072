"""Numbers, paths and text as the console shows them."""

import os
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
