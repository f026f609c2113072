"""Maps that only rearrange elements: their Jacobian is a permutation, so ladj = 0."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from genlab.bijections.bijection import Bijection


class Squeeze(Bijection):
    """(B, C, H, W) → (B, 4C, H/2, W/2): the four corners of each 2×2 block become channels.

    Dinh et al. 2017, section 3.6.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return pixel_unshuffle(x, 2), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor) -> Tensor:
        return pixel_shuffle(z, 2)


class Identity(Bijection):
    """x → x, in the place of a layer that is left out."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor) -> Tensor:
        return z


class Flatten(Bijection):
    """(B, *shape) → (B, D), D the product of shape."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(1), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor) -> Tensor:
        return z.unflatten(1, self.shape)
