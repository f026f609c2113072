"""Activation normalisation: batch normalisation's start without its batches."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from genlab.bijections.bijection import Bijection


class ActNorm(Bijection):
    """z = x·exp(log_scale) + shift per channel,  ladj = (positions per channel)·Σ log_scale.

    The first batch seen in training mode sets log_scale and shift so that each channel of its z has mean 0 and
    variance 1; from then on they are ordinary parameters. Until then the map is the identity, and it is never
    initialised in evaluation mode. `initialised` is a buffer: a checkpoint carries it.

    Shapes: x and z (B, C, …), ladj (B,).

    Raises:
        ValueError: a channel of the first batch is constant.

    Kingma & Dhariwal 2018, section 3.1.
    """

    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("initialised", torch.tensor(False))
        # Reading the buffer waits for the device, so it is not read again once it was True.
        self._known_initialised = False
        self.register_load_state_dict_post_hook(_forget_initialised)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self._known_initialised:
            if not self.initialised:
                self._initialise(x)
            self._known_initialised = True
        log_scale, shift = self._per_channel(x)
        ladj = self.log_scale.sum() * (x[0].numel() // len(self.log_scale))
        return x * log_scale.exp() + shift, ladj.expand(x.shape[0])

    def inverse(self, z: Tensor) -> Tensor:
        log_scale, shift = self._per_channel(z)
        return (z - shift) * (-log_scale).exp()

    def _per_channel(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shape = (-1,) + (1,) * (x.ndim - 2)
        return self.log_scale.view(shape), self.shift.view(shape)

    @torch.no_grad()
    def _initialise(self, x: Tensor) -> None:
        channels = x.transpose(0, 1).flatten(1)
        mean = _over_processes(channels.mean(1))
        variance = _over_processes((channels - mean.unsqueeze(1)).square().mean(1))
        if not (variance > 0).all():
            raise ValueError("ActNorm cannot normalise a channel that is constant over its first batch")
        self.log_scale.copy_(-0.5 * variance.log())
        self.shift.copy_(-mean * self.log_scale.exp())
        self.initialised.fill_(True)


def _over_processes(statistic: Tensor) -> Tensor:
    """Return its mean over the processes of a distributed run, whose batches differ and whose start must not."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(statistic)
        statistic /= dist.get_world_size()
    return statistic


def _forget_initialised(layer: ActNorm, _: object) -> None:
    """Read the buffer again after a state was loaded."""
    layer._known_initialised = False
