"""From the unit interval to the real line."""

import math

from torch import Tensor
from torch.nn.functional import logsigmoid

from genlab.bijections.bijection import Bijection


class Logit(Bijection):
    """z = logit(p),  p = bound + (1 − 2·bound)·x,  ladj = Σ log(1 − 2·bound) − log p − log(1 − p).

    `bound` keeps p away from 0 and 1, so x may be either; with bound = 0 it may not. A z far out maps outside [0, 1],
    by at most bound/(1 − 2·bound).

    Shapes: x and z (B, …), ladj (B,).

    Raises:
        ValueError: bound is not in [0, 0.5).

    Dinh et al. 2017, section 4.1.
    """

    def __init__(self, bound: float) -> None:
        super().__init__()
        if not 0 <= bound < 0.5:
            raise ValueError(f"bound must be in [0, 0.5), got {bound}")
        self.bound = bound

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        p = self.bound + (1 - 2 * self.bound) * x
        z = p.log() - (-p).log1p()
        # p = σ(z) and 1 − p = σ(−z): written in z, both logs keep their relative precision in either tail.
        ladj = math.log1p(-2 * self.bound) - logsigmoid(z) - logsigmoid(-z)
        return z, ladj.flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        return (z.sigmoid() - self.bound) / (1 - 2 * self.bound)

    def extra_repr(self) -> str:
        return f"bound={self.bound}"
