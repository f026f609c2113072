"""Bernoulli pixels given by their logits."""

import math
from typing import Any

import torch
from torch import Tensor

FACTORS = 8  # pixels that share a logarithm


class _LogNone(torch.autograd.Function):
    """log p(0) = −Σ softplus(l) = −Σ max(l, 0) − log Π (1 + exp −|l|), (…, P) → (…); its gradient is −sigmoid(l).

    The factors are in [1, 2], so products of eight neither overflow nor lose digits, and the logarithm, which with the
    exponential is nearly all the price of a softplus, is taken of an eighth as many numbers.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor) -> Tensor:  # type: ignore[override]
        factors = logits.abs().neg_().exp_().add_(1)
        together = math.gcd(FACTORS, factors.shape[-1])
        logarithms = factors.unflatten(-1, (together, -1)).prod(-2).log_()
        return -(logits.relu().sum(-1) + logarithms.sum(-1))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (logits,) = ctx.saved_tensors
        return logits.sigmoid() * -gradient.unsqueeze(-1)


def _flat(logits: Tensor) -> Tensor:
    """(…, C, H, W) → (…, P), float32 under mixed precision too: sums of hundreds of pixels need it."""
    return logits.flatten(-3).to(torch.promote_types(logits.dtype, torch.float32))


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """log p(x) = Σ (x log p + (1 − x) log(1 − p)) = Σ (x · logit − softplus(logit)), in nats, p = sigmoid(logit).

    A likelihood only for binary x. For grey x in [0, 1] it is the negative cross-entropy, which is no likelihood.

    Args:
        logits: (…, C, H, W).
        x: broadcasts against logits.

    Returns:
        (…): the sum over the last three dimensions.
    """
    flat = _flat(logits)
    return (x.flatten(-3) * flat).sum(-1) + _LogNone.apply(flat)


def pairwise_bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """`bernoulli_log_likelihood` of every pair, by a matrix product: logits (M, C, H, W), x (B, C, H, W) → (M, B)."""
    flat = _flat(logits)
    return flat @ x.flatten(1).T + _LogNone.apply(flat).unsqueeze(-1)
