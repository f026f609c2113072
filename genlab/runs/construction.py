"""The objects that a config names."""

import inspect
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from pydantic import ValidationError
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from genlab.arguments import explain
from genlab.errors import ConfigError, GenlabError
from genlab.runs.classes import targets


def construct(
    node: DictConfig, address: str, base: type, offered: Mapping[str, Any] = {}, given: Mapping[str, Any] = {}
) -> Any:
    """Build the object of a section, at an address as `model`.

    ConfigError for a class that cannot be imported or is none of `base`, or for a value that its constructor refuses,
    under its address, as `model.latent_dim=0`.

    Args:
        offered: arguments for a constructor that takes them; they count more than those of the node.
        given: arguments for any constructor.
    """
    found = ((".".join(where), target) for where, target in targets(node, (address,)))
    classes = {where: located(target, where) for where, target in found}
    if address not in classes or not issubclass(classes[address], base):
        raise ConfigError(f"{address}._target_={node.get('_target_')}: no {base.__name__}; name another class")
    takes = inspect.signature(classes[address]).parameters
    more = {name: value for name, value in offered.items() if name in takes}
    try:
        # what is given goes past Hydra, which would take a callback that is a dataclass for a table of settings
        return instantiate(node, _convert_="all", _partial_=True, **more)(**given)
    except Exception as error:
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        if isinstance(cause, ValidationError):
            raise ConfigError(explain(cause, address)) from None
        if isinstance(cause, (GenlabError, OSError)):
            raise cause from None
        if isinstance(cause, (ValueError, TypeError, MisconfigurationException, ImportError)):
            what = str(cause).partition("Exception raised from")[0]  # torch puts its stack behind that
            raise ConfigError(f"{address}: {' '.join(what.split())}") from None
        if isinstance(cause, (RuntimeError, MemoryError, OverflowError)):  # of torch, for a size
            what, *_ = str(cause).splitlines() or [type(cause).__name__]  # Python's own MemoryError says nothing
            raise ConfigError(f"{address}: {what[:200]}; choose smaller numbers") from None
        raise


def located(target: Any, address: str) -> type:
    """The class of that name.

    A package is vouched for with what it defines, not with what it imports: `mine.subprocess.Popen` is none of `mine`.
    It may lie in the current folder, which is looked into only then: it may be a stranger's, with modules of its own.
    ConfigError if it cannot be imported, or is no class of that package.
    """
    module, _, name = str(target).rpartition(".")
    package = module.partition(".")[0]
    try:
        if package not in sys.modules and find_spec(package) is None:
            sys.path.append(os.getcwd())
        found = getattr(import_module(module), name)
    except Exception as error:  # whatever a user's module leads to while it is imported
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"{address}._target_={target}: cannot be imported ({why})") from error
    if not isinstance(found, type) or found.__module__.partition(".")[0] != package:
        raise ConfigError(f"{address}._target_={target}: no class of {package}; name a class, and where it is defined")
    return found
