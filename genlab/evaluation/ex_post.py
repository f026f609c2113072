"""Ex-post density estimation: a sampler for a model that has codes and no (or the wrong) distribution over them."""

from typing import Protocol

import torch
from torch import Tensor, nn

from genlab.capabilities import CanDecode, CanEncode, draws_labels
from genlab.errors import ConfigError
from genlab.evaluation.scores import evenly

FIT_IMAGES = 20_000


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


class HasCodes(CanEncode, CanDecode, Protocol):
    """Encodes and decodes, as an autoencoder and a VAE do."""


class ExPostModel(nn.Module):
    """x = decode(z), z ~ density: a trained model together with a density that was fitted to its codes.

    It encodes and decodes as the model does, and has the `sample` that the model alone lacks, or has from its prior.

    Ghosh et al. 2020, section 4.
    """

    def __init__(self, model: HasCodes, density: CodeDensity) -> None:
        super().__init__()
        self.model = model
        self.density = density
        self.latent_dim = model.latent_dim

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → codes (B, D)."""
        return self.model.encode(images)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, D) → images (B, C, H, W) in [0, 1]."""
        return self.model.decode(z)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n images (n, C, H, W) in [0, 1], which a CPU generator fixes."""
        return self.decode(self.density.sample(n, generator))


@torch.no_grad()
def fit_ex_post(
    model: HasCodes, images: Tensor, components: int, seed: int = 0, most: int = FIT_IMAGES, batch_size: int = 1000
) -> ExPostModel:
    """Fit the density to encode(images), for a VAE the posterior means; the model itself stays as it is.

    Args:
        model: in evaluation mode.
        images: training images (N, C, H, W), float in [0, 1], or uint8 as the data set holds them; on any device.
        components: of the mixture, at most one for each image; 1 is a Gaussian.
        seed: of the fit.
        most: images that it is fitted to; of more, so many are taken evenly.
        batch_size: images encoded at once.

    Raises:
        ConfigError: the model is conditional.
    """
    if draws_labels(model):
        raise ConfigError("the codes of a conditional model depend on the label; leave the mixture of Gaussians out")
    images = evenly(images, most)
    like = next(model.parameters()) if isinstance(model, nn.Module) else torch.empty(())
    scale = 1 if images.is_floating_point() else 255
    codes = torch.cat([model.encode(some.to(like) / scale) for some in images.split(batch_size)])
    return ExPostModel(model, fit_code_density(codes, min(components, len(codes)), seed))
