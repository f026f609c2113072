"""Paths between two latent points."""

import torch
from torch import Tensor
from torch.nn import functional as F


def linear_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """(1 − t) · start + t · end: the straight line; start and end (…, D), t broadcasts against them."""
    return (1 - t) * start + t * end


def spherical_interpolation(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """sin((1 − t)θ) / sin θ · start + sin(tθ) / sin θ · end, θ the angle between them: the great circle.

    N(0, I) in many dimensions lies close to a sphere. This path stays near it, where the straight line cuts through
    the inside: halfway it has lost 30 % of its length. t = 0 is start and t = 1 is end, exactly.

    Args:
        start, end: (…, D). Where they point the same way, or opposite ways, the path is the straight line.
        t: broadcasts against them, as (T, 1, 1) for T points on each of (B, D) paths.

    White 2016, section 2.1.
    """
    u, v = F.normalize(start, dim=-1), F.normalize(end, dim=-1)
    # exact for small angles too, where the arc cosine of the inner product has lost half its digits
    difference, total = torch.linalg.vector_norm(u - v, dim=-1), torch.linalg.vector_norm(u + v, dim=-1)
    theta = 2 * torch.atan2(difference, total).unsqueeze(-1)
    sine = theta.sin()
    arc = (torch.sin((1 - t) * theta) * start + torch.sin(t * theta) * end) / sine
    # the straight line has exact ends; rounding in the sines would move those of the arc
    straight = (sine < torch.finfo(start.dtype).eps ** 0.5) | (t == 0) | (t == 1)
    return torch.where(straight, linear_interpolation(start, end, t), arc)
