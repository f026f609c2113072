"""A number that a schedule changes with each batch."""

import torch
from torch import Tensor, nn


class Scheduled(nn.Module):
    """A number as a tensor (), which a step that is recorded once reads anew in each batch; no checkpoint has it.

    A model sets it in `on_train_batch_start`, which is outside of its step. On a CPU `x * value` is `x * number` to the
    bit; `value * x` is not where x is bfloat16, since torch rounds the first factor.

    Args:
        first: before any batch.
    """

    value: Tensor

    def __init__(self, first: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(float(first)), persistent=False)

    def set(self, number: float) -> None:
        """For this batch, and until the next call."""
        self.value.fill_(number)
