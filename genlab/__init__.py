"""genlab: generative models on MNIST-like images, trained, pictured, scored and compared by the same code."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.cli.python.run import Run as Run
    from genlab.cli.python.run import load_run as load_run
    from genlab.cli.python.training import train as train
    from genlab.runs.reload import load as load

__version__ = "0.1.0"

# Imported when they are asked for: torch takes seconds, and `genlab --help` should not
_LATER = {
    "Run": "genlab.cli.python.run",
    "load": "genlab.runs.reload",
    "load_run": "genlab.cli.python.run",
    "train": "genlab.cli.python.training",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'genlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
