"""genlab: generative models on MNIST-like images, trained, pictured, scored and compared by the same code."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genlab.runs.reload import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`genlab.load`, imported when it is asked for: torch takes seconds, and `genlab --help` should not."""
    if name == "load":
        from genlab.runs.reload import load

        return load
    raise AttributeError(f"module 'genlab' has no attribute {name!r}")
