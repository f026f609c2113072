"""What the points of a model's latent space decode to: paths between two, lines through one, the plane."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlab.capabilities import CanDecode, CanEncode, CanSample
from genlab.pictures.grids import image_grid
from genlab.pictures.labels import with_axes
from genlab.pictures.latents import linear_interpolation, spherical_interpolation

REACH = 3  # standard deviations to either side
CANDIDATES = 20  # latents whose effect on the image is measured for a traversal, or its rows if these are more

# Gives (B, C, H, W) in [0, 1]; asked only where the model has `encode`
Images = Callable[[], Tensor]


def interpolation_strips(model: nn.Module, images: Images, rows: int, columns: int, seed: int) -> Tensor | None:
    """Rows of decode(z) for z on the way from one latent point to another; None if the model has no latent space.

    The ends are the codes of images where the model has `encode`, else points of N(0, I). The way is the great circle
    where the model can `sample`, so that its codes are meant to be N(0, I), else the straight line: a plain
    autoencoder's codes lie on no sphere.

    Args:
        model: in evaluation mode.
        images: 2 · rows, or fewer for fewer rows. Path i leads from the code of image i to that of image i + rows.
        rows: paths.
        columns: points on each, the two ends included.
        seed: of the points where there is no `encode`.
    """
    generator = torch.Generator().manual_seed(seed)
    points = _points(model, images, lambda latent_dim: torch.randn(2 * rows, latent_dim, generator=generator))
    if points is None:
        return None
    ends, decode = points
    start, end = ends[: len(ends) // 2 * 2].chunk(2)
    between = spherical_interpolation if isinstance(model, CanSample) else linear_interpolation
    t = torch.linspace(0, 1, columns, device=ends.device, dtype=ends.dtype).view(-1, 1, 1)
    path = between(start.flatten(1), end.flatten(1), t)  # (columns, rows, D)
    return image_grid(decode(path.transpose(0, 1).reshape(-1, *ends.shape[1:])), columns)


def traversals(model: nn.Module, images: Images, rows: int, steps: int) -> Tensor | None:
    """A row a latent: decode(z + t · σ_d · e_d) for t from −3 to 3, z the code of the first image; None as above.

    The rows are labelled by the number of their latent, from 1, and stand in the order of their effect: the
    root-mean-square distance of a row's images from decode(z), the largest above.

    σ_d = 1 where the model can `sample`, so that its codes are meant to be N(0, I). The codes of a plain autoencoder
    have a scale of their own: there σ_d is the standard deviation of the codes. Without `encode`, z = 0.

    Args:
        model: in evaluation mode.
        images: by whose codes the latents are measured.
        rows: latents at most: those with the largest effect among the twenty whose codes vary most (without `encode`:
            the first twenty).
        steps: columns to either side of the middle one, which is decode(z).
    """
    points = _points(model, images, lambda latent_dim: torch.zeros(1, latent_dim))
    if points is None:
        return None
    codes, decode = points
    z = codes.flatten(1)  # (N, D)
    sigma = z.float().std(0).to(z) if len(z) > 1 else torch.ones_like(z[0])
    latents = sigma.argsort(descending=True, stable=True)[: max(CANDIDATES, rows)].sort().values
    unit = "σ"
    if isinstance(model, CanSample):
        sigma, unit = torch.ones_like(sigma), ""
    t = REACH * torch.arange(-steps, steps + 1).to(z) / steps  # exactly 0 in the middle
    path = z[0].repeat(len(latents), len(t), 1)  # (rows, columns, D)
    path[torch.arange(len(latents)), :, latents] += sigma[latents].unsqueeze(1) * t
    images_of = decode(path.reshape(-1, *codes.shape[1:])).unflatten(0, (len(latents), len(t)))
    effects = (images_of - images_of[:, steps : steps + 1]).flatten(1).float().square().mean(1)
    order = effects.argsort(descending=True, stable=True)[:rows]
    places = [((row + 0.5) / len(order), f"z{latents[index] + 1}") for row, index in enumerate(order.tolist())]
    half = 0.5 / len(t)
    ends = [(half, f"−{REACH}{unit}"), (0.5, "0"), (1 - half, f"+{REACH}{unit}")]
    return with_axes(image_grid(images_of[order].flatten(0, 1), len(t)), places, ends)


def manifold(model: nn.Module, images: Images, size: int) -> Tensor | None:
    """decode(Φ⁻¹(u)) for u on a grid over the unit square: each cell has the same probability under N(0, I).

    The first latent grows to the right, the second upwards, as the axes say. None unless there are two. Kingma &
    Welling 2014, figure 4.

    Codes that no prior draws to N(0, I), as a plain autoencoder's, are spread otherwise: for a model with `encode` and
    without `sample`, Φ⁻¹ gives way to the quantiles of the codes of images, one latent at a time.

    Args:
        model: in evaluation mode.
        images: whose codes give the quantiles.
        size: cells along each side.
    """
    if not isinstance(model, CanDecode) or model.latent_dim != 2:
        return None
    like = next(model.parameters())
    centres = (torch.arange(size) + 0.5) / size
    across = up = torch.special.ndtri(centres)
    if isinstance(model, CanEncode) and not isinstance(model, CanSample):
        across, up = model.encode(images().to(like)).float().cpu().quantile(centres, dim=0).T
    upwards, rightwards = torch.meshgrid(up.flip(0), across, indexing="ij")
    z = torch.stack([rightwards, upwards], dim=-1).flatten(0, 1)
    grid = image_grid(model.decode(z.to(like)), size, scale=1)
    return with_axes(grid, _axis(up.flip(0), "z2"), _axis(across, "z1"))


def _axis(values: Tensor, name: str) -> list[tuple[float, str]]:
    """Its name in the middle, and the values of its first and last cell."""
    half = 0.5 / len(values)
    first, last = (f"{values[index]:.1f}".replace("-", "−") for index in (0, -1))
    return [(half, first), (0.5, name), (1 - half, last)]


def _points(
    model: nn.Module, images: Images, otherwise: Callable[[int], Tensor]
) -> tuple[Tensor, Callable[[Tensor], Tensor]] | None:
    """Codes of images, or what `otherwise` makes of the `latent_dim` of a model without `encode`; and `decode`.

    The points are in the model's own shape, on its device and in its type.
    """
    decode: Callable[[Tensor], Tensor] | None = getattr(model, "decode", None)  # with codes it needs no latent_dim
    if decode is None:
        return None
    if isinstance(model, CanEncode):
        return model.encode(images().to(next(model.parameters()))), decode
    if isinstance(model, CanDecode):
        return otherwise(model.latent_dim).to(next(model.parameters())), decode
    return None
