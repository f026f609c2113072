"""The errors that users see: one line that names the cause and the remedy."""


class GenlabError(Exception):
    """A mistake in the command, the configuration or the files; its message is all that the user is shown."""


class ConfigError(GenlabError):
    """A setting has a name or a value that is not allowed."""


class DataError(GenlabError):
    """A data set's file is missing, damaged or cannot be written."""


class RunError(GenlabError):
    """A run folder is damaged, not a run at all, or asks for what genlab does not do."""


class DiskError(GenlabError):
    """A file of the run cannot be written."""


class NonFiniteError(GenlabError, FloatingPointError):
    """A loss, a gradient or a weight is infinite or not a number."""
