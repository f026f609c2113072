"""Precision, recall, density and coverage: two sets of features, seen through balls around each point."""

import torch
from torch import Tensor

CHUNK = 1000
PRECISION_K, DENSITY_K = 3, 5  # as in the papers


def precision_recall_density_coverage(real: Tensor, fake: Tensor) -> dict[str, float]:
    """How much of each set lies among the other.

    With the ball of a point reaching, open, to its k-th nearest neighbour in its own set, or the last if it has fewer:
    `precision` is the share of fakes in some real ball, `recall` of reals in some fake ball
    (Kynkäänniemi et al. 2019, equations 1 and 2); `density` counts the real balls a fake is in, divided by k, so that
    an outlier's wide ball counts once, and may exceed 1; `coverage` is the share of reals whose ball has a fake in it
    (Naeem et al. 2020, equations 4 and 6).

    Args:
        real: features (N, F), N ≥ 2.
        fake: features (M, F), M ≥ 2.
    """
    real, fake = real.double(), fake.double()
    precision_k, density_k = (min(k, len(real) - 1, len(fake) - 1) for k in (PRECISION_K, DENSITY_K))
    real_radii, density_radii = radii(real, precision_k, density_k)
    (fake_radii,) = radii(fake, precision_k)
    precise = torch.zeros(len(fake), dtype=torch.bool)
    balls = recalled = covered = 0
    for rows in torch.arange(len(real)).split(CHUNK):
        distances = torch.cdist(real[rows], fake)
        precise |= (distances < real_radii[rows, None]).any(0)
        recalled += int((distances < fake_radii).any(1).sum())
        inside = distances < density_radii[rows, None]
        balls += int(inside.sum())
        covered += int(inside.any(1).sum())
    return {
        "precision": float(precise.double().mean()),
        "recall": recalled / len(real),
        "density": balls / (density_k * len(fake)),
        "coverage": covered / len(real),
    }


def radii(points: Tensor, *ks: int) -> tuple[Tensor, ...]:
    """Distance of each point to its k-th nearest other, for each k: (N, F) → (N,) each."""
    nearest = [torch.cdist(some, points).topk(max(ks) + 1, largest=False).values for some in points.split(CHUNK)]
    distances = torch.cat(nearest)  # rising; the first is that of the point to itself
    return tuple(distances[:, k] for k in ks)
