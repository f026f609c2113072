"""The density of what an ordinary differential equation makes of noise."""

from typing import Any

import torch
from torch import Tensor

from genlab.models.ode_solvers import Field, integrate
from genlab.objectives import standard_normal_log_density
from genlab.objectives.trace import divergence_estimate


def ode_log_density(
    field: Field, x: Tensor, probe: Tensor, start: float, given: tuple[Tensor, ...] = (), **solving: Any
) -> tuple[Tensor, Tensor]:
    """log p(x_1) = log N(x_0; 0, I) − ∫ div v(x_t, t) dt, x_0 where the way back from x_1 ends, in nats.

    The instantaneous change of variables, Grathwohl et al. 2019, equation 3. Unbiased in expectation over probes.

    Args:
        field: v(x, t, *given).
        x: x_1 (B, …).
        probe: of the trace, alike, one for the whole way: see `divergence_estimate`.
        start: when the way begins with noise.
        given: see `integrate`.
        solving: solver, steps and tolerance: see `integrate`.

    Returns:
        (B,), and the evaluations of the field (B,).
    """

    def with_divergence(state: Tensor, t: Tensor, probe: Tensor, *given: Tensor) -> Tensor:
        """d/dt of x_t, flat, and of ∫ div v dt: (B, D + 1) → alike."""
        point = state[:, :-1].view_as(probe)
        value, divergence = divergence_estimate(lambda x: field(x, t, *given), point, probe)
        return torch.cat([value.flatten(1), divergence.unsqueeze(1)], dim=1)

    state = torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], dim=1)
    state, count = integrate(with_divergence, state, 1.0, start, (probe, *given), **solving)
    return standard_normal_log_density(state[:, :-1]) + state[:, -1], count
