"""The divergence of a field, which is the trace of its Jacobian."""

from collections.abc import Callable

import torch
from torch import Tensor


def rademacher(uniform: Tensor) -> Tensor:
    """U(0, 1) noise → −1 or 1, each with probability ½."""
    return torch.where(uniform < 0.5, -1.0, 1.0).to(uniform)


def divergence_estimate(field: Callable[[Tensor], Tensor], x: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
    """(v(x), εᵀ (∂v/∂x) ε): one backward pass; without a gradient of its own.

    In expectation over probes with E εεᵀ = I, such as those of `rademacher`, it is the divergence Σ_i ∂v_i/∂x_i.

    Hutchinson 1989; Grathwohl et al. 2019, equation 7.

    Args:
        field: x ↦ v(x), each row of its own.
        x, probe: (B, …).

    Returns:
        (B, …) and (B,).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = field(x)
        (product,) = torch.autograd.grad(value, x, grad_outputs=probe)
    return value.detach(), (product * probe).flatten(1).sum(1)
