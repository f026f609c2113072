"""Bernoulli pixels given by their logits."""

from torch import Tensor
from torch.nn import functional as F


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) = Σ (x log p + (1 − x) log(1 − p)) = Σ (x · logit − softplus(logit)), in nats, p = sigmoid(logit).

    A likelihood only for binary x. For grey x in [0, 1] it is the negative cross-entropy, which is no likelihood.

    Args:
        logits: (…, C, H, W).
        x: broadcasts against logits.

    Returns:
        (…): the sum over the last three dimensions.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
    return -cross_entropy.flatten(-3).sum(-1)


def pairwise_bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """`bernoulli_log_likelihood` of every pair, by a matrix product: logits (M, C, H, W), x (B, C, H, W) → (M, B)."""
    flat = logits.flatten(1)
    return flat @ x.flatten(1).T - F.softplus(flat).sum(-1, keepdim=True)
