"""The errors that users see: one line that names the cause and the remedy."""

LONGEST = 2_000  # characters; genlab's own messages have 1,000 at most


class GenlabError(Exception):
    """A mistake in the command, the configuration or the files; its message is all that the user is shown.

    A message may quote what a stranger wrote: it is made one line, without anything that a terminal would obey, and of
    one that is very long the beginning and the end are kept.
    """

    def __init__(self, message: str) -> None:
        line = plain(message)
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}")


class ConfigError(GenlabError):
    """A setting has a name or a value that is not allowed."""


class DataError(GenlabError):
    """A data set's file is missing, damaged or cannot be written."""


class RunError(GenlabError):
    """A run folder is damaged, not a run at all, or asks for what genlab does not do."""


class PeerError(GenlabError):
    """Another process of the run has ended, or is not to be found."""


class DiskError(GenlabError):
    """A file of the run cannot be written."""


class NonFiniteError(GenlabError, FloatingPointError):
    """A loss, a gradient or a weight is infinite or not a number."""


def plain(text: str) -> str:
    """One line without control characters, invisible ones or those that turn the direction of writing."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
