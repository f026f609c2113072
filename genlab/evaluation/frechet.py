"""The Fréchet distance between two sets of features."""

from typing import Any

from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance


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
