"""What a setting may be in a search: one class for each `type` of conf/search."""

from typing import Annotated, Any, Protocol

from pydantic import Field, PositiveFloat, PositiveInt

from genlab.arguments import checked
from genlab.runs.configuration import quoted


class Suggests(Protocol):
    """An Optuna trial, of which no more is needed here."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


class Dimension(Protocol):
    """A setting that is searched."""

    def suggest(self, trial: Suggests, key: str) -> str:
        """The value of a trial, as it stands behind the `=` of an override."""

    def extremes(self) -> list[str]:
        """The bounds, or all options, as overrides have them."""


class LogUniform:
    """A number whose logarithm is uniform between two bounds."""

    log = True

    @checked
    def __init__(self, low: PositiveFloat, high: PositiveFloat) -> None:
        _check_order(low, high)
        self.low, self.high = low, high

    def suggest(self, trial: Suggests, key: str) -> str:
        return override_value(trial.suggest_float(key, self.low, self.high, log=self.log))

    def extremes(self) -> list[str]:
        return [override_value(self.low), override_value(self.high)]


class Uniform(LogUniform):
    """A number between two bounds."""

    log = False

    @checked
    def __init__(self, low: float, high: float) -> None:
        _check_order(low, high)
        self.low, self.high = low, high


class Integer:
    """A whole number between two bounds, both included.

    Args:
        low, high: the bounds.
        step: from one value to the next.
        log: as for `LogUniform`, the same ratio is as likely at 4 as at 400.
    """

    @checked
    def __init__(self, low: int, high: int, step: PositiveInt = 1, log: bool = False) -> None:
        _check_order(low, high)
        if log and (low < 1 or step > 1):
            raise ValueError("log: true goes with a low of 1 or more, and without step")
        self.low, self.high, self.step, self.log = low, high, step, log

    def suggest(self, trial: Suggests, key: str) -> str:
        return override_value(trial.suggest_int(key, self.low, self.high, step=self.step, log=self.log))

    def extremes(self) -> list[str]:
        return [override_value(self.low), override_value(self.high)]


class Choice:
    """One of several values, which have no order: names, lists, true and false."""

    @checked
    def __init__(self, options: Annotated[list[Any], Field(min_length=1)]) -> None:
        # Optuna's storages keep plain values and no lists: an option is its text
        self.options = [override_value(option) for option in options]
        if len(set(self.options)) < len(self.options):
            raise ValueError("options: one of them is there twice")

    def suggest(self, trial: Suggests, key: str) -> str:
        return str(trial.suggest_categorical(key, self.options))

    def extremes(self) -> list[str]:
        return self.options


TYPES: dict[str, Any] = {"log_uniform": LogUniform, "uniform": Uniform, "integer": Integer, "choice": Choice}


def override_value(value: Any) -> str:
    """A value as Hydra reads it behind an `=`.

    Raises:
        ValueError: it is neither a number, a text, true, false, null, nor a list of those.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(override_value, value))}]"
    if isinstance(value, str):
        return value if value.isidentifier() and value not in ("null", "true", "false") else quoted(value)
    raise ValueError(f"{value}: should be a number, a text, true, false, null, or a list of those")


def _check_order(low: float, high: float) -> None:
    if low >= high:
        raise ValueError(f"low={low} should be below high={high}")
