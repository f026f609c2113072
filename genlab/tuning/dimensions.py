"""What a setting may be in a search: Optuna's distributions, by the `type` that they have in conf/search."""

from collections.abc import Callable
from typing import Annotated, Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, PositiveFloat, PositiveInt

from genlab.arguments import checked
from genlab.runs.configuration import quoted

Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]  # Optuna keeps all numbers as floats


@checked
def log_uniform(low: PositiveFloat, high: PositiveFloat) -> FloatDistribution:
    """A number whose logarithm is uniform between two bounds."""
    return FloatDistribution(low, high, log=True)


@checked
def uniform(low: float, high: float) -> FloatDistribution:
    """A number between two bounds."""
    return FloatDistribution(low, high)


@checked
def integer(low: Whole, high: Whole, step: PositiveInt = 1, log: bool = False) -> IntDistribution:
    """A whole number between two bounds, both included.

    Args:
        low, high: the bounds.
        step: from one value to the next.
        log: as for `log_uniform`, the same ratio is as likely at 4 as at 400.
    """
    return IntDistribution(low, high - max(high - low, 0) % step, log, step)


@checked
def choice(options: Annotated[list[Any], Field(min_length=1)]) -> CategoricalDistribution:
    """One of several values, which have no order: names, lists, true and false."""
    # Optuna's storages keep plain values and no lists: an option is its text
    texts = [override_value(option) for option in options]
    if len(set(texts)) < len(texts):
        raise ValueError("options: one of them is there twice")
    return CategoricalDistribution(texts)


_ALL: tuple[Callable[..., BaseDistribution], ...] = (log_uniform, uniform, integer, choice)
TYPES = {dimension.__name__: dimension for dimension in _ALL}


def suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> None:
    """Choose the value of a setting in a trial; it is then in `trial.params`."""
    if isinstance(distribution, FloatDistribution):
        trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    elif isinstance(distribution, IntDistribution):
        trial.suggest_int(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    elif isinstance(distribution, CategoricalDistribution):
        trial.suggest_categorical(name, distribution.choices)


def as_override(value: Any, distribution: BaseDistribution) -> str:
    """The value of a trial as it stands behind the `=` of an override; ValueError if the distribution has it not."""
    plain = distribution.to_external_repr(distribution.to_internal_repr(value))
    return str(plain) if isinstance(distribution, CategoricalDistribution) else repr(plain)


def extremes(distribution: BaseDistribution) -> list[str]:
    """The bounds, or all options, as overrides have them."""
    if isinstance(distribution, CategoricalDistribution):
        return [str(option) for option in distribution.choices]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return [as_override(value, distribution) for value in (distribution.low, distribution.high)]


def override_value(value: Any) -> str:
    """A value as Hydra reads it behind an `=`; ValueError if an override can have no such value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(override_value, value))}]"
    if isinstance(value, str):
        return value if value.isidentifier() and value not in ("null", "true", "false") else quoted(value)
    raise ValueError(f"{value}: should be a number, a text, true, false, null, or a list of those")
