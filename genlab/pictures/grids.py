"""Many images → one picture."""

import torch
from torch import Tensor
from torchvision.utils import make_grid

LINES = 0.25  # grey between the images of a grid
COLUMNS = 8  # of reconstructions


def image_grid(images: Tensor, columns: int, scale: int = 2) -> Tensor:
    """(N, C, H, W) in [0, 1] → one picture (3, H', W'), each pixel `scale` pixels wide, with grey lines between."""
    enlarged = images.detach().float().cpu().repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    return make_grid(enlarged, nrow=columns, padding=2, pad_value=LINES)


def square_grid(images: Tensor) -> Tensor:
    """A grid as high as wide, or nearly; a square number of images fills it."""
    return image_grid(images, columns=max(1, round(len(images) ** 0.5)))


def above_reconstructions(originals: Tensor, reconstructions: Tensor) -> Tensor:
    """Rows of originals, each with the row of their reconstructions below it, both (B, C, H, W) in [0, 1].

    Cells without an image are grey.
    """
    columns = min(COLUMNS, len(originals))
    pairs = torch.stack([originals, reconstructions.to(originals)])  # (2, B, C, H, W)
    grey = pairs.new_full((2, -len(originals) % columns, *originals.shape[1:]), LINES)
    rows = torch.cat([pairs, grey], dim=1).unflatten(1, (-1, columns))  # (2, rows, columns, C, H, W)
    return image_grid(rows.transpose(0, 1).flatten(0, 2), columns)


def beside_completions(originals: Tensor, half: int, completed: Tensor) -> Tensor:
    """A row for each image: the original, its upper half above grey, and the completions of that half.

    Originals are (B, C, H, W), completed (B, ways, C, H, W), in [0, 1]; half counts the rows of pixels that are given.
    """
    given = originals.clone()
    given[..., half:, :] = LINES
    rows = torch.cat([torch.stack([originals, given], dim=1), completed.to(originals)], dim=1)
    return image_grid(rows.flatten(0, 1), columns=rows.shape[1])
