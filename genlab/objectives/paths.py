"""Gaussian paths from noise x₀ to data x₁: x_t = α(t) x₁ + σ(t) x₀, t from 0 to 1.

For a given t, x_t and any one of x₀, x₁ and the velocity give the other two, so a network may predict whichever it
likes: the field is the same.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

PathName = Literal["linear", "cosine"]


class Coefficients(NamedTuple):
    """α(t), σ(t) and their derivatives by t."""

    alpha: Tensor
    sigma: Tensor
    alpha_rate: Tensor
    sigma_rate: Tensor


def coefficients(path: PathName, t: Tensor) -> Coefficients:
    """Of a path at t in [0, 1], each of the shape of t.

    `linear`: (t, 1 − t), straight lines (Lipman et al. 2023, example II; Liu et al. 2023). `cosine`: (sin πt/2, cos
    πt/2), a diffusion's path, whose variance is 1 where that of the data is (Albergo & Vanden-Eijnden 2023).
    """
    if path == "linear":
        return Coefficients(t, 1 - t, torch.ones_like(t), -torch.ones_like(t))
    alpha, sigma = torch.sin(math.pi / 2 * t), torch.cos(math.pi / 2 * t)
    return Coefficients(alpha, sigma, math.pi / 2 * sigma, -math.pi / 2 * alpha)


def point(at: Coefficients, noise: Tensor, data: Tensor) -> Tensor:
    """x_t = α x₁ + σ x₀: noise and data (B, …), coefficients that broadcast against them."""
    return at.alpha * data + at.sigma * noise


def velocity(at: Coefficients, noise: Tensor, data: Tensor) -> Tensor:
    """dx_t/dt = α′ x₁ + σ′ x₀, on the linear path x₁ − x₀."""
    return at.alpha_rate * data + at.sigma_rate * noise


def velocity_from_noise(at: Coefficients, x: Tensor, noise: Tensor) -> Tensor:
    """dx_t/dt of x_t and x₀, since x₁ = (x_t − σ x₀)/α. Not at t = 0, where α is 0."""
    return velocity(at, noise, (x - at.sigma * noise) / at.alpha)
