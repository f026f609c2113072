"""genlab's own callbacks as one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pytorch_lightning import Callback
from pytorch_lightning.callbacks import Checkpoint

HOOKS = [name for name in dir(Callback) if name.startswith("on_") or name in ("setup", "teardown")]


def is_own(callback: Callback) -> bool:
    """Whether a callback is one of genlab's; others stay in the trainer's list, where Lightning looks for them."""
    return type(callback).__module__.startswith("genlab.")


class Bundle(Checkpoint):
    """Passes each hook on to those callbacks that have it, in their order, and keeps their states by their names.

    Lightning enters every hook of every callback at every batch, the empty ones too: with genlab's sixteen callbacks
    these are a hundred calls, some per cent of the training of a small network.

    As a `Checkpoint` it comes behind all others at the end of an epoch: what is saved then is what they have left.
    """

    def __init__(self, callbacks: Mapping[str, Callback]) -> None:
        self.callbacks = dict(callbacks)
        for hook in HOOKS:
            methods = [
                getattr(callback, hook)
                for callback in self.callbacks.values()
                if getattr(type(callback), hook) is not getattr(Callback, hook)
            ]
            if methods:
                setattr(self, hook, partial(_call_all, methods))

    def state_dict(self) -> dict[str, Any]:
        return {name: callback.state_dict() for name, callback in self.callbacks.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, callback in self.callbacks.items():
            if state_dict.get(name):
                callback.load_state_dict(state_dict[name])


def _call_all(methods: list[Callable[..., None]], *args: Any, **kwargs: Any) -> None:
    for method in methods:
        method(*args, **kwargs)
