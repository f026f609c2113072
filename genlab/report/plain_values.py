"""What a stranger's JSON or CSV may hold, made numbers and short texts or None."""

from typing import Any

from genlab.errors import plain

LONGEST = 500  # characters of a text; genlab's own have 200
LARGEST = 1e100  # of a number that can still be drawn and averaged


def number(value: Any) -> float | None:
    """A finite number of JSON; True is none, and what is beyond any measure is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return value if abs(value) > 1 / LARGEST else 0


def text(value: Any) -> str:
    """A line of printable characters, cut where it is too long; nothing, if it is no text."""
    if not isinstance(value, str):
        return ""
    return plain(value if len(value) <= LONGEST else value[: LONGEST - 2] + " …")


def table(value: Any, most: int = 200) -> dict[str, Any]:
    """A table of names and values, of which the first `most` count; an empty one, if it is none."""
    if not isinstance(value, dict):
        return {}
    return {text(str(name)): item for name, item in list(value.items())[:most]}


def plain_value(value: Any) -> Any:
    """A setting, for a page and for JSON: what is no ordinary number, no truth value and not None is a text."""
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and number(value) == value):
        return value
    return text(hex(value) if isinstance(value, int) else str(value))  # str of an int fails with 5,000 digits


def cleaned(value: Any) -> Any:
    """The same JSON with numbers, texts and tables as the functions above leave them, and lists of 1,000 at most."""
    if isinstance(value, dict):
        return {name: cleaned(item) for name, item in table(value).items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value[:1000]]
    if isinstance(value, str):
        return text(value)
    return value if isinstance(value, bool) else number(value)
