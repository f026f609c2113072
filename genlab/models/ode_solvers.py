"""dx/dt = v(x, t), solved by explicit Runge-Kutta methods: with fixed steps, or with steps as short as they must be."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

SolverName = Literal["euler", "midpoint", "heun", "adaptive"]
Field = Callable[..., Tensor]
"""x (B, …), t (B,), what else it depends on (B, …) → dx/dt (B, …), each row of its own."""

SAFETY, LEAST, MOST = 0.9, 0.2, 5.0  # of a step's length, from one to the next
FIRST_STEP = 0.05  # of the way
SHORTEST = 1e-6  # of the way; a step as short is taken whatever its error: the field has a corner there


@dataclass(frozen=True)
class Tableau:
    """A method: k_i = v(x + h Σ_j a_ij k_j, t + c_i h), then x + h Σ_i b_i k_i.

    Attributes:
        a: rows of the stages behind the first.
        b: weights.
        error: b minus the weights of the solution of the next lower order; empty: there is none.
        order: the error of a step is of the order h^(order + 1).
    """

    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    error: tuple[float, ...] = ()
    order: int = 1

    @property
    def c(self) -> tuple[float, ...]:
        """When each stage is."""
        return (0.0, *(sum(row) for row in self.a))


TABLEAUS: dict[SolverName, Tableau] = {
    "euler": Tableau((), (1.0,)),
    "midpoint": Tableau(((1 / 2,),), (0.0, 1.0), order=2),
    "heun": Tableau(((1.0,),), (1 / 2, 1 / 2), order=2),
    # Dormand & Prince 1980, table 2
    "adaptive": Tableau(
        a=(
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
            (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
        ),
        b=(35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0),
        error=(71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40),
        order=5,
    ),
}


def step_times(start: float, end: float, steps: int, exponent: float = 1.0) -> list[float]:
    """The steps + 1 times 1 − (1 − u)^exponent for equal steps of u: above 1 they lie closer towards t = 1."""
    ends = torch.tensor([start, end], dtype=torch.float64)
    first, last = (1 - (1 - ends) ** (1 / exponent)).tolist()
    return (1 - (1 - torch.linspace(first, last, steps + 1, dtype=torch.float64)) ** exponent).tolist()


def evaluation_times(solver: SolverName, start: float, end: float, steps: int, exponent: float = 1.0) -> list[float]:
    """When the field is evaluated in so many fixed steps."""
    spans = itertools.pairwise(step_times(start, end, steps, exponent))
    return [at + c * (until - at) for at, until in spans for c in TABLEAUS[solver].c]


def integrate(
    field: Field,
    x: Tensor,
    start: float,
    end: float,
    given: tuple[Tensor, ...] = (),
    solver: SolverName = "heun",
    steps: int = 25,
    tolerance: float = 1e-5,
    exponent: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """x(end) for x(start) = x, and the evaluations of the field that each row took: (B, …) → (B, …), (B,).

    Args:
        field: the right side.
        x: (B, …).
        start, end: times in [0, 1], in either order.
        given: what else the field depends on, (B, …).
        solver: `adaptive` is Dormand & Prince's of order 5, whose steps are chosen for each row of x: what comes out
            does not depend on what else is in the batch.
        steps: of the solvers that are not adaptive.
        tolerance: of the adaptive solver: the error of a step is below tolerance · (1 + |x|), root mean square.
        exponent: see `step_times`.
    """
    if solver == "adaptive":
        return _adaptive(field, x, start, end, given, tolerance)
    for at, until in itertools.pairwise(step_times(start, end, steps, exponent)):
        t, h = x.new_full((len(x),), at), x.new_full((len(x),), until - at)
        x, _ = _step(TABLEAUS[solver], field, x, t, h, field(x, t, *given), given)
    return x, torch.full((len(x),), steps * len(TABLEAUS[solver].c))


def _step(
    tableau: Tableau, field: Field, x: Tensor, t: Tensor, h: Tensor, slope: Tensor, given: tuple[Tensor, ...]
) -> tuple[Tensor, list[Tensor]]:
    """x(t + h), and the stages, of which the first is v(x, t)."""
    width = h.view(-1, *[1] * (x.ndim - 1))
    stages = [slope]
    for row, c in zip(tableau.a, tableau.c[1:], strict=True):
        stages.append(field(x + width * _combined(row, stages), t + c * h, *given))
    return x + width * _combined(tableau.b, stages), stages


def _combined(weights: tuple[float, ...], stages: list[Tensor]) -> Tensor:
    terms = [weight * stage for weight, stage in zip(weights, stages, strict=True) if weight]
    return torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]


def _adaptive(
    field: Field, x: Tensor, start: float, end: float, given: tuple[Tensor, ...], tolerance: float
) -> tuple[Tensor, Tensor]:
    """Each row goes on by steps of its own; those that have arrived are not looked at any more.

    The last stage of a step that is taken is the first of the next. Hairer, Nørsett & Wanner 1993, section II.4.
    """
    tableau, way = TABLEAUS["adaptive"], end - start
    x = x.clone()
    done = torch.zeros(len(x), dtype=torch.float64, device=x.device)  # share of the way
    share, count = torch.full_like(done, FIRST_STEP), torch.ones_like(done, dtype=torch.long)
    slope = field(x, torch.full_like(done, start).to(x), *given).clone()
    while (rows := (done < 1).nonzero().flatten()).numel():
        length = torch.minimum(share[rows], 1 - done[rows])
        last = length >= 1 - done[rows]
        h = (way * length).to(x)
        width = h.view(-1, *[1] * (x.ndim - 1))
        old, theirs = x[rows], tuple(each[rows] for each in given)
        new, stages = _step(tableau, field, old, (start + way * done[rows]).to(x), h, slope[rows], theirs)
        scale = tolerance * (1 + torch.maximum(old.abs(), new.abs()))
        error = (width * _combined(tableau.error, stages) / scale).flatten(1).square().mean(1).sqrt().double()
        taken = (error <= 1) | (length <= SHORTEST) | ~error.isfinite()
        x[rows[taken]], slope[rows[taken]] = new[taken], stages[-1][taken]
        done[rows[taken]] = torch.where(last, torch.ones_like(length), done[rows] + length)[taken]
        factor = (SAFETY * error.clamp(min=1e-10) ** (-1 / tableau.order)).clamp(LEAST, MOST).nan_to_num(1.0)
        share[rows] = (length * factor).clamp(min=SHORTEST)
        count[rows] += len(tableau.a)
    return x, count.cpu()
