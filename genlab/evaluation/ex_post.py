"""Ex-post density estimation: a sampler for a model that has codes and no (or the wrong) distribution over them."""

from typing import Protocol

import torch
from torch import Tensor, nn

from genlab.capabilities import CanDecode, CanEncode, draws_labels
from genlab.errors import ConfigError
from genlab.evaluation.code_density import CodeDensity, fit_code_density
from genlab.evaluation.scores import evenly

FIT_IMAGES = 20_000


class HasCodes(CanEncode, CanDecode, Protocol):
    """Encodes and decodes, as an autoencoder and a VAE do."""


class ExPostModel(nn.Module):
    """x = decode(z), z ~ density: a trained model together with a density that was fitted to its codes.

    It encodes and decodes as the model does, and has the `sample` that the model alone lacks, or has from its prior.

    Ghosh et al. 2020, section 4.

    Args:
        model: becomes a submodule where it is an `nn.Module`.
        density: over its codes.
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
