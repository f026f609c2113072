"""Are samples copies of training images?"""

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 500
COPY = 1 / 3  # of the distance to the second nearest
NOTABLE = 0.01  # of the samples


@dataclass(frozen=True)
class Nearest:
    """The two nearest training images of each of N queries, the nearer first."""

    rows: Tensor  # of the training images, (N, 2)
    distances: Tensor  # Euclidean, (N, 2)

    @property
    def copied_share(self) -> float:
        """Of the queries, those whose nearest is less than a third as far as the second nearest.

        A ratio needs no scale: blurred images are near to many training images, a copy is near to one.

        Yoon et al. 2023, who take the same third.
        """
        first, second = self.distances.unbind(-1)
        return float((first <= COPY * second).double().mean())

    @property
    def median_distance(self) -> float:
        """To the nearest."""
        return float(self.distances[:, 0].median())


def nearest(queries: Tensor, training: Tensor) -> Nearest:
    """Queries (N, …) and training images or features (M, …), M ≥ 2, float or uint8 pixels, in chunks of queries.

    uint8 pixels are taken for 0..1. Distances are found by matrix products, in which small ones drown in rounding;
    those of the two nearest are computed again as differences.
    """
    wide = _flat(training)
    squares = wide.square().sum(-1)
    rows, distances = [], []
    for some in queries.split(CHUNK):
        flat = _flat(some)
        # |q − t|² without |q|², which changes no order
        found = torch.addmm(squares, flat, wide.T, alpha=-2).topk(2, largest=False).indices
        exact = (flat[:, None] - wide[found]).double().norm(dim=-1)
        order = exact.argsort(-1)
        rows.append(found.gather(-1, order))
        distances.append(exact.gather(-1, order))
    return Nearest(torch.cat(rows), torch.cat(distances))


def verdict(samples: Nearest, test: Nearest) -> bool:
    """Whether samples are copies: more than one in a hundred is, and more than of the test images.

    The test images are nobody's copies: what they have in common with the training images is what the data have.
    """
    return samples.copied_share > NOTABLE + test.copied_share


def _flat(images: Tensor) -> Tensor:
    return (images.float() / (1 if images.is_floating_point() else 255)).flatten(1)
