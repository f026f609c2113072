"""Checked constructor arguments: types and ranges are stated once, as annotations."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError, validate_call
from pydantic.dataclasses import dataclass
from typing_extensions import dataclass_transform

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class")

# strict: "3" is not 3, and 3.5 is no number of epochs
_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)

checked: Callable[[_Function], _Function] = validate_call(config=_STRICT)
"""Decorator: a call whose arguments do not fit the annotations raises `pydantic.ValidationError`."""


@dataclass_transform(eq_default=False, field_specifiers=(Field,))
def configured(cls: type[_Class]) -> type[_Class]:
    """Decorator: a class whose annotated attributes are the arguments of its constructor, checked as those above."""
    made: Any = dataclass(config=ConfigDict(extra="forbid", **_STRICT), eq=False, repr=False)(cls)
    return made


def explain(error: ValidationError, prefix: str = "") -> str:
    """The first wrong argument of a checked call, as `model.latent_dim=0: should be greater than 0`."""
    argument = error.errors()[0]["loc"][:1]
    faults = [fault for fault in error.errors() if fault["loc"][:1] == argument]
    if not argument:  # of no argument in particular, as with a name that is no Unicode
        return faults[0]["msg"]
    name = f"{prefix}.{argument[0]}" if prefix else str(argument[0])
    if faults[0]["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{name}: there is no such setting"
    if faults[0]["type"] in ("missing", "missing_argument"):
        return f"{name}: is missing"
    # a union has a fault for each of its members
    messages = dict.fromkeys(fault["msg"].removeprefix("Input ") for fault in faults)
    return f"{name}={faults[0]['input']}: {' or '.join(messages)}"
