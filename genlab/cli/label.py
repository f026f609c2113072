"""--label: the class that a conditional model is asked for."""

from typing import Any

import click

from genlab.cli.options import whole_number
from genlab.errors import ConfigError

MOST = 10_000  # before the model is known


def label_option(help: str) -> Any:
    """The option, with its help."""
    return click.option("--label", type=whole_number(0, MOST), metavar="CLASS", help=help)


def check_label(model: Any, label: int | None, option: str = "--label") -> int:
    """How many classes the model can be asked for, of which the label is one.

    Args:
        model: of the run.
        label: None: none is asked for yet.
        option: that asks.

    Raises:
        ConfigError: it cannot.
    """
    from genlab.capabilities import draws_labels

    if not draws_labels(model):
        raise ConfigError(
            f"{option}: this {type(model).__name__} was trained without labels; train one with model.conditional=true"
        )
    if label is not None and label >= model.num_classes:
        raise ConfigError(f"{option}: {label}: should be a whole number from 0 to {model.num_classes - 1}")
    return model.num_classes
