"""Bijections applied one after the other."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from genlab.bijections.bijection import Bijection, given, locate


class Composition(Bijection):
    """z = f_n(… f_1(x)),  ladj = Σ_i log |det df_i|.

    Raises ValueError if a layer's output has more or fewer elements than its input (its Jacobian would not be square),
    or if a log-determinant is not one number per example. Both checks read only shapes, so no device is waited for.

    Under autocast the couplings' networks round differently for inputs that differ in the last digit, so inverse ∘
    forward misses x by about 1e-2, and without autocast by about 1e-5. Encode and decode in full precision.
    """

    takes_labels = True

    def __init__(self, layers: Iterable[Bijection]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Bijection:
        return cast(Bijection, self.layers[index])

    def forward(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        # A sum of thousands of terms needs at least float32, whatever the type of x.
        ladj = x.new_zeros(x.shape[0], dtype=torch.promote_types(x.dtype, torch.float32))
        for index in range(len(self)):
            z, layer_ladj = self[index](x, **given(self[index], labels))
            self._require_square(index, x, z)
            if layer_ladj.shape != ladj.shape:
                raise ValueError(
                    f"{self._place(index)} returned a log-determinant of shape {tuple(layer_ladj.shape)}; "
                    f"it must be one number per example, shape {tuple(ladj.shape)}"
                )
            x, ladj = z, ladj + layer_ladj
        return x, ladj

    def inverse(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        for index in reversed(range(len(self))):
            x = self[index].inverse(z, **given(self[index], labels))
            self._require_square(index, x, z)
            z = x
        return z

    @torch.no_grad()
    def first_non_finite(self, x: Tensor, labels: Tensor | None = None) -> str | None:
        if not x.isfinite().all():
            return "the input"
        for index in range(len(self)):
            inside = self[index].first_non_finite(x, labels)
            if inside is not None:
                return locate(self._place(index), inside)
            x, _ = self[index](x, **given(self[index], labels))
        return None

    def _place(self, index: int) -> str:
        return f"layer {index} ({type(self[index]).__name__})"

    def _require_square(self, index: int, x: Tensor, z: Tensor) -> None:
        if x.shape[0] != z.shape[0] or x.numel() != z.numel():
            raise ValueError(
                f"{self._place(index)} relates x of shape {tuple(x.shape)} to z of shape {tuple(z.shape)}: a bijection "
                f"needs a square Jacobian, that is as many elements per example in z as in x"
            )
