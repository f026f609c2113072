"""Several callbacks as one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pytorch_lightning import Callback

HOOKS = [name for name in dir(Callback) if name.startswith("on_") or name in ("setup", "teardown")]


class Bundle(Callback):
    """Passes each hook on to those callbacks that have it, in their order, and keeps their states by their names.

    Lightning enters every hook of every callback at every batch, the empty ones too; with a small network fifteen
    callbacks cost some per cent of the training.
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


def _call_all(methods: list[Callable[..., None]], *args: Any) -> None:
    for method in methods:
        method(*args)
