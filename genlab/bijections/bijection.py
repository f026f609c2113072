"""The contract of an invertible map with a tractable Jacobian."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Bijection(nn.Module, ABC):
    """x → z = f(x) with ladj = log |det dz/dx|, and z → x = f⁻¹(z).

    Shapes: x and z are (B, …) with equally many elements per example, because only a square Jacobian has a
    determinant; `Composition` checks its layers for that. ladj is (B,), in nats, in float32 or float64, also under
    autocast.

    One that `takes_labels` takes those of the images (B,) as well, `labels=None` where there are none.

    A subclass computes its scales and shifts in one method that both directions call, so that they cannot disagree.
    """

    takes_labels: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x → (z, ladj)."""

    @abstractmethod
    def inverse(self, z: Tensor) -> Tensor:
        """z → x."""

    @torch.no_grad()
    def first_non_finite(self, x: Tensor, labels: Tensor | None = None) -> str | None:
        """Return where in this map the first NaN or infinity appears: None if nowhere, "" if it has no inner layers.

        It runs the map once more and waits for the device, so call it only after a loss was non-finite.
        """
        z, ladj = self(x, **given(self, labels))
        return None if bool(z.isfinite().all() & ladj.isfinite().all()) else ""


def given(layer: Bijection, labels: Tensor | None) -> dict[str, Any]:
    """What a layer is called with besides x or z."""
    return {"labels": labels} if layer.takes_labels else {}


def locate(place: str, inside: str) -> str:
    """Join the name of a layer and the place inside it, which is empty for a layer without inner layers."""
    return f"{place}, {inside}" if inside else place
