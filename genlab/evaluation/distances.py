"""The Fréchet and the kernel distance between two sets of features."""

from typing import Any

from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

CHUNK = 1000


def frechet_distance(real: Tensor, features: Tensor) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), of the means and covariances of two sets of features.

    The squared Wasserstein-2 distance of the two Gaussians.

    Heusel et al. 2017, equation 6; Dowson & Landau 1982.

    Args:
        real: (N, F), N ≥ 2.
        features: (M, F), M ≥ 2.
    """
    # of this process alone: in a run of several, torchmetrics would gather the features of all
    metric: Any = FrechetInceptionDistance(feature=_Given(real.shape[1]), sync_on_compute=False)
    metric.update(real.double(), real=True)
    metric.update(features.double(), real=False)
    return float(metric.compute())


class _Given(nn.Identity):
    """The metric's feature extractor, for what are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


def kernel_distance(x: Tensor, y: Tensor) -> float:
    """MMD²(x, y) = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) − 2 mean_{ij} k(x_i, y_j), unbiased.

    k(a, b) = (a·b / F + 1)³. Of two sets from one distribution it is zero in expectation, and so may be negative.
    All pairs are taken, in chunks, where others average over random subsets: the expectation is the same, the
    variance smaller, and nothing is random.

    Bińkowski et al. 2018, section 4 and equation 4; Gretton et al. 2012, equation 3.

    Args:
        x: features (N, F), N ≥ 2.
        y: features (M, F), M ≥ 2.
    """
    x, y = x.double(), y.double()
    return _mean_of_others(x) + _mean_of_others(y) - 2 * _total(x, y) / (len(x) * len(y))


def _mean_of_others(x: Tensor) -> float:
    chunks = x.split(CHUNK)
    total = 0.0
    for i, some in enumerate(chunks):  # k is symmetric: each pair of chunks once
        total += _total(some, some) + 2 * sum(_total(some, other) for other in chunks[i + 1 :])
    themselves = float(_kernel(x.square().sum(-1), x.shape[1]).sum())
    return (total - themselves) / (len(x) * (len(x) - 1))


def _total(x: Tensor, y: Tensor) -> float:
    return sum(float(_kernel(some @ y.T, x.shape[1]).sum()) for some in x.split(CHUNK))


def _kernel(products: Tensor, features: int) -> Tensor:
    return products.div_(features).add_(1).pow_(3)
