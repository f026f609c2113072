"""Lower bounds on the log-likelihood from weighted samples."""

import math

import torch
from torch import Tensor


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """L_k = log 1/k Σ_i w_i, where log w_i = log p(x, z_i) − log q(z_i|x) and z_i ~ q(z|x), in nats.

    The mean is inside the logarithm, so L_k is at least the mean of log w (the ELBO on the same samples) and at most
    log p(x) in expectation, to which it tends as k grows.

    Args:
        log_weights: (k, …).

    Returns:
        (…).

    Burda, Grosse & Salakhutdinov 2015, equation 8.
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))
