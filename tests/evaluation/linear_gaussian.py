"""A latent variable model whose log p(x) is known: a stand-in for the VAE."""

import math

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal


class LinearGaussian:
    """p(z) = N(0, I), p(x|z) = N(Wz + b, σ²I), so p(x) = N(b, WWᵀ + σ²I), and q(z|x) = N(m(x), s²Σ) for the posterior
    N(m(x), Σ). With s = 1 each weight is p(x). Images are (B, 1, 1, X), float64.
    """

    pixels = "binary"

    def __init__(self, latent_dim: int, x_dim: int, spread: float, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        draw = {"generator": generator, "dtype": torch.float64}
        self.latent_dim, self.spread, self.sigma = latent_dim, spread, 0.7
        self.w, self.b = torch.randn(x_dim, latent_dim, **draw), torch.randn(x_dim, **draw)
        precision = torch.eye(latent_dim, dtype=torch.float64) + self.w.T @ self.w / self.sigma**2
        self.covariance = torch.linalg.inv(precision)

    def images(self, n: int, seed: int = 1) -> Tensor:
        """n draws of p(x)."""
        torch.manual_seed(seed)
        return self.marginal().sample((n,)).view(n, 1, 1, -1)

    def marginal(self) -> MultivariateNormal:
        identity = torch.eye(len(self.b), dtype=torch.float64)
        return MultivariateNormal(self.b, self.w @ self.w.T + self.sigma**2 * identity)

    def log_likelihood(self, images: Tensor) -> Tensor:
        return self.marginal().log_prob(images.flatten(1))

    def log_weights(self, images: Tensor, samples: int, generator: torch.Generator | None = None) -> Tensor:
        x = images.flatten(1)
        mean = (x - self.b) @ self.w @ self.covariance / self.sigma**2
        proposal = MultivariateNormal(mean, self.spread**2 * self.covariance)
        noise = torch.randn(samples, len(x), self.latent_dim, generator=generator, dtype=torch.float64)
        z = mean + (proposal.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)
        return self._given(x, z) + Normal(0, 1).log_prob(z).sum(-1) - proposal.log_prob(z)

    def conditional_log_likelihood(self, images: Tensor, z: Tensor) -> Tensor:
        return self._given(images.flatten(1), z.double().unsqueeze(1))

    def _given(self, x: Tensor, z: Tensor) -> Tensor:
        return Normal(z @ self.w.T + self.b, self.sigma).log_prob(x).sum(-1)

    @property
    def relative_variance(self) -> float:
        """Var(w) / p(x)², of a posterior that is widened by s: (s² / √(2s² − 1))^D − 1."""
        s = self.spread
        return (s**2 / math.sqrt(2 * s**2 - 1)) ** self.latent_dim - 1

    @property
    def gap(self) -> float:
        """log p(x) − ELBO = KL(q ‖ posterior) = D (s² − 1 − ln s²) / 2."""
        return self.latent_dim * (self.spread**2 - 1 - math.log(self.spread**2)) / 2
