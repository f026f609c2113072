"""Attributes of a model that are set at each batch."""

from typing import Any

from pytorch_lightning import LightningModule


class PlainAttributes(LightningModule):
    """A LightningModule that sets its plain attributes as other objects do.

    torch looks at each value for a parameter, a buffer or a module, 2 µs. Lightning notes forty-odd times a batch
    which hook it calls, by its name or None.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if (value is None or type(value) is str) and name in self.__dict__:  # where torch keeps what is none of these
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)
