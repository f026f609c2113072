"""An exponential moving average of a network's weights."""

import copy
import itertools

import torch
from torch import Tensor, nn


def frozen_copy(module: nn.Module) -> nn.Module:
    """The start of an average: the same weights and buffers, not trained."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def update_average(averaged: nn.Module, module: nn.Module, share: float | Tensor) -> None:
    """averaged ← (1 − share) · averaged + share · module, for weights and buffers alike; integers are copied.

    The share is 1 − decay: a number, or, for a step that is recorded once, a tensor () that holds that of each batch.
    Both give the same, to the bit. Yazıcı et al. 2019. The running statistics of batch norm are averaged with the
    weights, since those of the present weights belong to other activations.
    """
    old, new = _floats(averaged), _floats(module)
    torch._foreach_lerp_(old, new, [share.to(each) for each in old] if isinstance(share, Tensor) else share)
    for count, latest in zip(averaged.buffers(), module.buffers(), strict=True):
        if not count.is_floating_point():
            count.copy_(latest)


def warmed_up(decay: float, updates: int) -> float:
    """min(decay, (1 + updates) / (10 + updates)): the decay after so many updates.

    Without it the random weights of the start would have a third of the average still after 1 / (1 − decay) updates.
    """
    return min(decay, (1 + updates) / (10 + updates))


def _floats(module: nn.Module) -> list[Tensor]:
    tensors = itertools.chain(module.parameters(), module.buffers())
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
