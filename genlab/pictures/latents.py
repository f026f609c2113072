"""Paths between two latent points."""

import torch
from torch import Tensor
from torch.nn import functional as F


def linear_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """(1 − t) · start + t · end: the straight line; start and end (…, D), t broadcasts against them."""
    return (1 - t) * start + t * end


def spherical_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """((1 − t)|start| + t|end|) · (sin((1 − t)θ) u + sin(tθ) v) / sin θ, θ the angle between the directions u and v.

    N(0, I) in many dimensions lies close to a sphere. This path stays near it, where the straight line cuts through
    the inside: halfway it has lost 30 % of its length. t = 0 is start and t = 1 is end, exactly.

    The great circle is that of the directions, and the length goes evenly from the one to the other: on the points
    themselves the formula leaves the sphere far behind where they are nearly opposite and of unequal lengths.

    Args:
        start, end: (…, D). Where they point the same way, or opposite ways, the path is the straight line.
        t: broadcasts against them, as (T, 1, 1) for T points on each of (B, D) paths.

    White 2016, section 2.1.
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
