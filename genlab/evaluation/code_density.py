"""Densities fitted to the codes of a trained model."""

import torch
from torch import Tensor, nn


class CodeDensity(nn.Module):
    """p(z) = Σ_k weights_k N(z; means_k, factors_k factors_kᵀ): a mixture of Gaussians with full covariances.

    With one component it is the Gaussian. All it knows is in three buffers: `weights` (K,), `means` (K, D) and the
    covariances' lower Cholesky `factors` (K, D, D), so its state dict is plain tensors.

    Args:
        components: K.
        latent_dim: D. A new density is an even mixture of K times N(0, I); `fit_code_density` makes a useful one.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, components: int, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, latent_dim))
        self.register_buffer("factors", torch.eye(latent_dim).repeat(components, 1, 1))

    @property
    def covariances(self) -> Tensor:
        """(K, D, D)."""
        return self.factors @ self.factors.mT

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n codes (n, D): a component, then means_k + factors_k · N(0, I); a CPU generator fixes them."""
        component = torch.multinomial(self.weights.cpu(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator).to(self.means)
        component = component.to(self.means.device)
        return self.means[component] + (self.factors[component] @ noise.unsqueeze(-1)).squeeze(-1)


def fit_code_density(codes: Tensor, components: int, seed: int = 0) -> CodeDensity:
    """Maximum likelihood by EM from k-means (one component: in closed form), a function of its arguments alone.

    Args:
        codes: (N, D), at least as many as components. 10⁻⁶ is added to each variance, so that a latent that never
            varies does no harm.
        components: K.
        seed: of k-means.
    """
    # scikit-learn takes seconds to import, which runs that fit nothing should not wait for
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    mixture = GaussianMixture(components, max_iter=200, random_state=seed)
    with threadpool_limits(limits=1):  # several threads of k-means add in an order that differs from run to run
        mixture.fit(codes.detach().cpu().double().numpy())
    density = CodeDensity(components, codes.shape[1])
    density.weights = torch.as_tensor(mixture.weights_)
    density.means = torch.as_tensor(mixture.means_)
    density.factors = torch.linalg.cholesky(torch.as_tensor(mixture.covariances_))
    return density.to(codes)
