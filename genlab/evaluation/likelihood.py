"""Estimates of log p(x)."""

import math

import torch
from torch import Tensor

from genlab.capabilities import CanWeigh


def importance_weighted_log_likelihood(
    model: CanWeigh, images: Tensor, samples: int, generator: torch.Generator, chunk: int = 5000
) -> Tensor:
    """log 1/K Σ_k w_k ≈ log p(x), in nats: (B, C, H, W) → (B,).

    In expectation it is a lower bound that rises with K. The sum runs over chunks of about `chunk` pairs of an image
    and a sample, so memory does not grow with K.

    Burda, Grosse & Salakhutdinov 2015, equation 8.
    """
    estimates = []
    for some_images in images.split(max(1, min(chunk, 100))):
        at_once = max(1, chunk // len(some_images))
        total = torch.full((len(some_images),), -math.inf, dtype=torch.float64)
        for start in range(0, samples, at_once):
            log_weights = model.log_weights(some_images, min(at_once, samples - start), generator)
            total = torch.logaddexp(total, log_weights.double().logsumexp(0).cpu())
        estimates.append(total - math.log(samples))
    return torch.cat(estimates)
