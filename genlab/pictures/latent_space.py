"""What the points of a model's latent space decode to: paths between two, lines through one, the plane."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genlab.capabilities import CanDecode, CanEncode, CanSample, draws_labels, takes_labels
from genlab.pictures.grids import image_grid
from genlab.pictures.labels import with_axes
from genlab.pictures.latents import linear_interpolation, spherical_interpolation

REACH = 3  # standard deviations to either side
CANDIDATES = 20  # latents whose effect on the image is measured for a traversal, or its rows if these are more

# Gives (B, C, H, W) in [0, 1] and the labels (B,); asked only where the model has `encode`
Images = Callable[[], tuple[Tensor, Tensor]]
Decode = Callable[[Tensor, Tensor | None], Tensor]  # of points and, of a conditional model, their labels


def interpolation_strips(
    model: nn.Module, images: Images, rows: int, columns: int, seed: int, label: int | None = None
) -> Tensor | None:
    """Rows of decode(z) for z on the way from one latent point to another; None if the model has no latent space.

    The ends are the codes of images where the model has `encode`, else points of N(0, I). The way is the great circle
    where the model can `sample`, so that its codes are meant to be N(0, I), else the straight line: a plain
    autoencoder's codes lie on no sphere.

    A conditional model decodes the first half of the way with the label of its beginning and the second with that of
    its end, so both ends are what they were and the label changes in the middle; or all with one label. Points of
    N(0, I) have the labels 0, 1, 2, … in turn.

    Args:
        model: in evaluation mode.
        images: 2 · rows, or fewer for fewer rows. Path i leads from the code of image i to that of image i + rows.
        rows: paths.
        columns: points on each, the two ends included.
        seed: of the points where there is no `encode`.
        label: of all points; None: see above.
    """
    generator = torch.Generator().manual_seed(seed)
    points = _points(model, images, lambda latent_dim: torch.randn(2 * rows, latent_dim, generator=generator))
    if points is None:
        return None
    ends, labels, decode = points
    start, end = ends[: len(ends) // 2 * 2].chunk(2)
    between = spherical_interpolation if isinstance(model, CanSample) else linear_interpolation
    t = torch.linspace(0, 1, columns, device=ends.device, dtype=ends.dtype).view(-1, 1, 1)
    path = between(start.flatten(1), end.flatten(1), t)  # (columns, rows, D)
    if labels is not None:
        first, last = labels[: 2 * len(start)].view(2, -1, 1)
        labels = torch.where(t.flatten() < 0.5, first, last).flatten()
        labels = labels if label is None else torch.full_like(labels, label)
    return image_grid(decode(path.transpose(0, 1).reshape(-1, *ends.shape[1:]), labels), columns)


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
    codes, labels, decode = points
    z = codes.flatten(1)  # (N, D)
    sigma = z.float().std(0).to(z) if len(z) > 1 else torch.ones_like(z[0])
    latents = sigma.argsort(descending=True, stable=True)[: max(CANDIDATES, rows)].sort().values
    unit = "σ"
    if isinstance(model, CanSample):
        sigma, unit = torch.ones_like(sigma), ""
    t = REACH * torch.arange(-steps, steps + 1).to(z) / steps  # exactly 0 in the middle
    path = z[0].repeat(len(latents), len(t), 1)  # (rows, columns, D)
    path[torch.arange(len(latents)), :, latents] += sigma[latents].unsqueeze(1) * t
    told = None if labels is None else labels[:1].expand(len(latents) * len(t))
    images_of = decode(path.reshape(-1, *codes.shape[1:]), told).unflatten(0, (len(latents), len(t)))
    effects = (images_of - images_of[:, steps : steps + 1]).flatten(1).float().square().mean(1)
    order = effects.argsort(descending=True, stable=True)[:rows]
    places = [((row + 0.5) / len(order), f"z{latents[index] + 1}") for row, index in enumerate(order.tolist())]
    half = 0.5 / len(t)
    ends = [(half, f"−{REACH}{unit}"), (0.5, "0"), (1 - half, f"+{REACH}{unit}")]
    return with_axes(image_grid(images_of[order].flatten(0, 1), len(t)), places, ends)


def manifold(model: nn.Module, images: Images, size: int) -> Tensor | None:
    """decode(Φ⁻¹(u)) for u on a grid over the unit square: each cell has the same probability under N(0, I).

    The first latent grows to the right, the second upwards, as the axes say. None unless there are two. Kingma &
    Welling 2014, figure 4; of a conditional model under label 0, as in Kingma et al. 2014, figure 1a.

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
        across, up = model.encode(images()[0].to(like)).float().cpu().quantile(centres, dim=0).T
    upwards, rightwards = torch.meshgrid(up.flip(0), across, indexing="ij")
    z = torch.stack([rightwards, upwards], dim=-1).flatten(0, 1).to(like)
    label = torch.zeros(len(z), dtype=torch.long, device=z.device) if draws_labels(model) else None
    grid = image_grid(_decode_of(model)(z, label), size, scale=1)
    return with_axes(grid, _axis(up.flip(0), "z2"), _axis(across, "z1"))


def _axis(values: Tensor, name: str) -> list[tuple[float, str]]:
    """Its name in the middle, and the values of its first and last cell."""
    half = 0.5 / len(values)
    first, last = (f"{values[index]:.1f}".replace("-", "−") for index in (0, -1))
    return [(half, first), (0.5, name), (1 - half, last)]


def codes_of(model: CanEncode, images: Tensor, labels: Tensor) -> Tensor:
    """encode(x), or encode(x, y) of a conditional model: (B, C, H, W) and (B,), on the model's device → (B, D)."""
    encode: Callable[..., Tensor] = model.encode
    return encode(images, labels=labels) if draws_labels(model) and takes_labels(encode) else encode(images)


def _decode_of(model: Any) -> Decode:
    decode: Callable[..., Tensor] = model.decode
    told = draws_labels(model) and takes_labels(decode)
    return lambda z, labels: decode(z, labels=labels) if told else decode(z)


def _points(
    model: nn.Module, images: Images, otherwise: Callable[[int], Tensor]
) -> tuple[Tensor, Tensor | None, Decode] | None:
    """Codes of images, or what `otherwise` makes of the `latent_dim` of a model without `encode`; and `decode`.

    The points are in the model's own shape, on its device and in its type. In the middle their labels, None of a model
    that is not conditional.
    """
    if not hasattr(model, "decode"):  # with codes it needs no latent_dim
        return None
    like = next(model.parameters())
    if isinstance(model, CanEncode):
        x, labels = (part.to(like.device) for part in images())
        points = codes_of(model, x.to(like), labels)
    elif isinstance(model, CanDecode):
        points = otherwise(model.latent_dim).to(like)
        labels = torch.arange(len(points), device=like.device)
    else:
        return None
    if not draws_labels(model):
        return points, None, _decode_of(model)
    return points, labels % model.num_classes, _decode_of(model)
