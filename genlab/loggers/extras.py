"""Packages that only some loggers need."""

from importlib.util import find_spec

from genlab.errors import ConfigError


def require(package: str) -> None:
    """Check that the package of a logger is installed, which is named as the logger and its extra.

    Raises:
        ConfigError: it is not.
    """
    if find_spec(package) is None:
        raise ConfigError(f"logger={package}: is not installed; pip install 'genlab[{package}]'")
