"""Which ways through the latent space change the picture, and how much."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genlab.errors import NonFiniteError

STEP = 0.1  # to either side, in standard deviations of the latents


def principal_directions(
    decoders: Sequence[Callable[[Tensor], Tensor]], points: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvectors of M = E[JᵀJ], J = ∂decode(z)/∂u, where z = mean + scale · u; their effects; those of the latents.

    The first direction is the one along which the picture changes most per standard deviation, on average over the
    points; as in Chiu et al. 2020, section 4, J is measured by differences.

    Args:
        decoders: each latents (B, D) → images (B, C, H, W); one for each label, which the points take in turn.
        points: z, (N, D).
        scale: (D,).

    Returns:
        directions (D, D), a row each, the strongest first; their effects (D,), the roots of the eigenvalues; and the
        effects of the single latents (D,), √M_dd. An effect is the root of the squared change per standard deviation,
        summed over the pixels, in grey levels (white is 1).

    Raises:
        NonFiniteError: a picture is infinite or not a number.
    """
    n, latents = points.shape
    products = torch.zeros(latents, latents, dtype=torch.float64)
    steps = STEP * torch.diag(scale)
    for z, decode in zip(points, itertools.cycle(decoders), strict=False):
        change = (decode(z + steps) - decode(z - steps)).flatten(1).double() / (2 * STEP)  # (D, pixels)
        products += change @ change.T / n
    if not products.isfinite().all():
        raise NonFiniteError("the pictures of this model are infinite or not a number, so there is nothing to explore")
    values, vectors = torch.linalg.eigh(products)
    rows = vectors.flip(1).T
    signs = rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()
    strengths, effects = (each.clamp(min=0).sqrt().float() for each in (values.flip(0), products.diagonal()))
    return (rows * signs).float(), strengths, effects
