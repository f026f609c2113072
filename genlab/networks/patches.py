"""Images cut into patches, row by row."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from genlab.networks.convolutional import ImageShape

PatchSize = Annotated[Sequence[PositiveInt], Field(min_length=2, max_length=2)]


def patch_grid(image_shape: ImageShape, size: Sequence[int]) -> tuple[int, int]:
    """How many patches of a height and width lie below one another, and side by side.

    Raises:
        ValueError: they do not fill the image.
    """
    _, height, width = image_shape
    if height % size[0] or width % size[1]:
        raise ValueError(f"patch_size: images of {height}x{width} are not made of patches of {size[0]}x{size[1]}")
    return height // size[0], width // size[1]


def to_patches(images: Tensor, size: Sequence[int]) -> Tensor:
    """Images (B, C, H, W) → patches (B, N, C · height · width)."""
    return F.unfold(images, tuple(size), stride=tuple(size)).transpose(1, 2)


def from_patches(patches: Tensor, image_shape: ImageShape, size: Sequence[int]) -> Tensor:
    """Patches (B, N, C · height · width) → images (B, C, H, W)."""
    return F.fold(patches.transpose(1, 2), image_shape[1:], tuple(size), stride=tuple(size))
