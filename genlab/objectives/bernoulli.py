"""Bernoulli pixels given by their logits."""

from torch import Tensor
from torch.nn import functional as F


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) = Σ (x log p + (1 − x) log(1 − p)) = Σ (x · logit − softplus(logit)), in nats, p = sigmoid(logit).

    A likelihood for binary x alone. Grey x in [0, 1] give the negative cross-entropy, which is none.

    Args:
        logits: (…, C, H, W).
        x: broadcasts against logits.

    Returns:
        (…): the sum over the last three dimensions.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
    return -cross_entropy.flatten(-3).sum(-1)
