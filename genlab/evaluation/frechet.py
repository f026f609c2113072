"""The Fréchet distance between two sets of features."""

from typing import Any

from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance


class FrechetDistance:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), of the means and covariances of two sets of features.

    The squared Wasserstein-2 distance of the two Gaussians. Sets come in any number of chunks.

    Heusel et al. 2017, equation 6; Dowson & Landau 1982.

    Args:
        real: features (N, F) that all others are compared with.
    """

    def __init__(self, real: Tensor) -> None:
        # of this process alone: in a run of several, torchmetrics would gather the features of all
        self._metric: Any = FrechetInceptionDistance(
            feature=_Given(real.shape[1]), reset_real_features=False, sync_on_compute=False
        )
        self._metric.update(real.double(), real=True)

    def update(self, features: Tensor) -> None:
        """Add a chunk (n, F) of the compared set."""
        self._metric.update(features.double(), real=False)

    def compute(self) -> float:
        """The distance, at least two features having been added; then a new set begins."""
        distance = float(self._metric.compute())
        self._metric.reset()
        return distance


def frechet_distance(real: Tensor, features: Tensor) -> float:
    """See `FrechetDistance`: (N, F) and (M, F)."""
    distance = FrechetDistance(real)
    distance.update(features)
    return distance.compute()


class _Given(nn.Module):
    """The metric's feature extractor, for what are features already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features
