"""Diagonal Gaussians given by their mean mu and log-variance log_var."""

import math

import torch
from torch import Tensor


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, σ²) ‖ N(0, I)) = ½ Σ (mu² + σ² − 1 − log σ²), in nats.

    Args:
        mu, log_var: (…, D), where σ² = exp(log_var).

    Returns:
        (…): the sum over the last dimension, never negative (expm1 keeps σ² − 1 − log σ² exact near σ = 1).

    Kingma & Welling 2014, appendix B, which gives the negative.
    """
    return 0.5 * (mu.square() + torch.expm1(log_var) - log_var).sum(-1)


def gaussian_log_density(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mu, σ²) = −½ Σ (log 2π + log σ² + (z − mu)² / σ²), in nats.

    Args:
        z, mu, log_var: (…, D), broadcast against one another.

    Returns:
        (…): the sum over the last dimension.
    """
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu).square() * torch.exp(-log_var)).sum(-1)


def standard_normal_log_density(z: Tensor) -> Tensor:
    """log N(z; 0, I) = −½ Σ (log 2π + z²), in nats; (…, D) → (…)."""
    return -0.5 * (math.log(2 * math.pi) + z.square()).sum(-1)
