"""What the points of a model's latent space decode to: paths between two, lines through one, the plane."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlab.capabilities import CanDecode, CanEncode, CanSample, draws_labels, takes_labels
from genlab.pictures.grids import image_grid
from genlab.pictures.labels import with_axes

REACH = 3  # standard deviations to either side
CANDIDATES = 20  # latents whose effect on the image is measured for a traversal, or its rows if these are more

# Gives (B, C, H, W) in [0, 1] and the labels (B,); asked only where the model has `encode`
Images = Callable[[], tuple[Tensor, Tensor]]


def interpolation_strips(
    model: nn.Module, images: Images, rows: int, columns: int, seed: int, label: int | None = None
) -> Tensor | None:
    """Rows of decode(z) for z on the way from one latent point to another; None if the model has no latent space.

    The ends are the codes of images where the model has `encode`, else points of N(0, I). The way is the great circle
    where the model can `sample`, so that its codes are meant to be N(0, I), else the straight line: a plain
    autoencoder's codes lie on no sphere.

    A conditional model decodes the first half of the way with the label of its beginning and the second with that of
    its end; or all with one label. Points of N(0, I) have the labels 0, 1, 2, … in turn.

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
    ends, labels = points
    start, end = ends[: len(ends) // 2 * 2].chunk(2)
    between = spherical_interpolation if isinstance(model, CanSample) else linear_interpolation
    t = torch.linspace(0, 1, columns, device=ends.device, dtype=ends.dtype).view(-1, 1, 1)
    path = between(start.flatten(1), end.flatten(1), t)  # (columns, rows, D)
    if labels is not None:
        first, last = labels[: 2 * len(start)].view(2, -1, 1)
        labels = torch.where(t.flatten() < 0.5, first, last).flatten()
        labels = labels if label is None else torch.full_like(labels, label)
    return image_grid(told(model, "decode", path.transpose(0, 1).reshape(-1, *ends.shape[1:]), labels), columns)


def linear_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """(1 − t) · start + t · end: the straight line; start and end (…, D), t broadcasts against them."""
    return (1 - t) * start + t * end


def spherical_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """((1 − t)|start| + t|end|) · (sin((1 − t)θ) u + sin(tθ) v) / sin θ, θ the angle between the directions u and v.

    N(0, I) in many dimensions lies close to a sphere. This path stays near it, where the straight line cuts through
    the inside: halfway it has lost 30 % of its length. t = 0 is start and t = 1 is end, exactly.

    The great circle is that of the directions, and the length goes evenly from the one to the other: on the points
    themselves the formula leaves the sphere far behind where they are nearly opposite and of unequal lengths.

    White 2016, section 2.1.

    Args:
        start, end: (…, D). Where they point the same way, or opposite ways, the path is the straight line.
        t: broadcasts against them, as (T, 1, 1) for T points on each of (B, D) paths.
    """
    u, v = F.normalize(start, dim=-1), F.normalize(end, dim=-1)
    length = linear_interpolation(start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True), t)
    # exact for small angles too, where the arc cosine of the inner product has lost half its digits
    difference, total = torch.linalg.vector_norm(u - v, dim=-1), torch.linalg.vector_norm(u + v, dim=-1)
    theta = 2 * torch.atan2(difference, total).unsqueeze(-1)
    sine = theta.sin()
    arc = length * (torch.sin((1 - t) * theta) * u + torch.sin(t * theta) * v) / sine
    # the straight line has exact ends; rounding in the sines would move those of the arc
    straight = (sine < torch.finfo(start.dtype).eps ** 0.5) | (t == 0) | (t == 1)
    return torch.where(straight, linear_interpolation(start, end, t), arc)


def traversals(model: nn.Module, images: Images, rows: int, steps: int) -> Tensor | None:
    """A row a latent: decode(z + t · σ_d · e_d) for t from −3 to 3, z the code of the first image; None as above.

    The rows are labelled by the number of their latent, from 1, and stand in the order of their effect: the
    root-mean-square distance of a row's images from decode(z), the largest above.

    σ_d = 1 where the model can `sample`, so that its codes are meant to be N(0, I), else the standard deviation of the
    codes. Without `encode`, z = 0.

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
    codes, labels = points
    z = codes.flatten(1)  # (N, D)
    sigma = z.float().std(0).to(z) if len(z) > 1 else torch.ones_like(z[0])
    latents = sigma.argsort(descending=True, stable=True)[: max(CANDIDATES, rows)].sort().values
    unit = "σ"
    if isinstance(model, CanSample):
        sigma, unit = torch.ones_like(sigma), ""
    t = REACH * torch.arange(-steps, steps + 1).to(z) / steps  # exactly 0 in the middle
    path = z[0].repeat(len(latents), len(t), 1)  # (rows, columns, D)
    path[torch.arange(len(latents)), :, latents] += sigma[latents].unsqueeze(1) * t
    first = None if labels is None else labels[:1].expand(len(latents) * len(t))
    decoded = told(model, "decode", path.reshape(-1, *codes.shape[1:]), first).unflatten(0, (len(latents), len(t)))
    effects = (decoded - decoded[:, steps : steps + 1]).flatten(1).float().square().mean(1)
    order = effects.argsort(descending=True, stable=True)[:rows]
    places = [((row + 0.5) / len(order), f"z{latents[index] + 1}") for row, index in enumerate(order.tolist())]
    axis = _axis(len(t), f"−{REACH}{unit}", "0", f"+{REACH}{unit}")
    return with_axes(image_grid(decoded[order].flatten(0, 1), len(t)), places, axis)


def manifold(model: nn.Module, images: Images, size: int) -> Tensor | None:
    """decode(Φ⁻¹(u)) for u on a grid over the unit square: each cell has the same probability under N(0, I).

    The first latent grows to the right, the second upwards, as the axes say. None unless there are two. Kingma &
    Welling 2014, figure 4; of a conditional model under label 0, as in Kingma et al. 2014, figure 1a.

    Codes that no prior draws to N(0, I), as a plain autoencoder's, are spread otherwise: for a model with `encode` and
    without `sample`, Φ⁻¹ gives way to the quantiles of the codes of images, one latent at a time.
    """
    if not isinstance(model, CanDecode) or model.latent_dim != 2:
        return None
    like = next(model.parameters())
    centres = (torch.arange(size) + 0.5) / size
    across = up = torch.special.ndtri(centres)
    if isinstance(model, CanEncode) and not isinstance(model, CanSample):
        across, up = model.encode(images()[0].to(like)).float().cpu().quantile(centres, dim=0).T
    up = up.flip(0)
    upwards, rightwards = torch.meshgrid(up, across, indexing="ij")
    z = torch.stack([rightwards, upwards], dim=-1).flatten(0, 1).to(like)
    grid = image_grid(told(model, "decode", z, torch.zeros(len(z), dtype=torch.long, device=z.device)), size, scale=1)
    rows, columns = (_axis(size, f"{x[0]:.1f}", name, f"{x[-1]:.1f}") for x, name in ((up, "z2"), (across, "z1")))
    return with_axes(grid, rows, columns)


def _axis(cells: int, first: str, middle: str, last: str) -> list[tuple[float, str]]:
    """Words in the middle of an axis, and at its first and last cell."""
    words = (0.5 / cells, first), (0.5, middle), (1 - 0.5 / cells, last)
    return [(place, said.replace("-", "−")) for place, said in words]


def told(model: Any, method: str, x: Tensor, labels: Tensor | None) -> Tensor:
    """`encode` or `decode` of x (B, …), told the labels (B,) where the model is conditional and the method asks."""
    call: Callable[..., Tensor] = getattr(model, method)
    return call(x, labels=labels) if draws_labels(model) and takes_labels(call) else call(x)


def _points(
    model: nn.Module, images: Images, otherwise: Callable[[int], Tensor]
) -> tuple[Tensor, Tensor | None] | None:
    """Codes of images, or what `otherwise` makes of the `latent_dim` of a model without `encode`.

    The points are in the model's own shape, on its device and in its type. With them their labels, None of a model
    that is not conditional. None of a model that decodes nothing.
    """
    if not hasattr(model, "decode"):  # with codes it needs no latent_dim
        return None
    like = next(model.parameters())
    if isinstance(model, CanEncode):
        x, labels = (part.to(like.device) for part in images())
        points = told(model, "encode", x.to(like), labels)
    elif isinstance(model, CanDecode):
        points = otherwise(model.latent_dim).to(like)
        labels = torch.arange(len(points), device=like.device)
    else:
        return None
    return points, labels % model.num_classes if draws_labels(model) else None
