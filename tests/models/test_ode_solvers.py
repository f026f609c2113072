"""Solvers of ordinary differential equations against solutions in closed form, and against torchdiffeq."""

import math

import pytest
import torch
from torchdiffeq import odeint

from genlab.models.ode_solvers import TABLEAUS, evaluation_times, integrate

FIXED = {"euler": 1, "midpoint": 2, "heun": 2}  # and their orders


def field(x, t):
    """Stiffer towards the end, and of all coordinates."""
    t = t.view(-1, 1)
    return torch.tanh(x.roll(1, dims=1)) - x / (1.1 - t) + t


@pytest.fixture
def x():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def exact(x):
    """By torchdiffeq, at a tolerance at which nothing but rounding is left."""
    return odeint(lambda t, x: field(x, t.expand(4)), x, torch.tensor([0.0, 1.0]).double(), rtol=1e-12, atol=1e-12)[1]


@pytest.mark.parametrize("solver", FIXED)
def test_the_error_falls_with_the_order(solver, x, exact):
    """Twice the steps, 2^order less: the ratio of two errors is near that."""
    errors = [(integrate(field, x, 0, 1, solver=solver, steps=n)[0] - exact).norm() for n in (400, 800)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(FIXED[solver], abs=0.1)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 0), (0.25, 0.75)])
@pytest.mark.parametrize("exponent", [1, 1.5])
@pytest.mark.parametrize(("solver", "theirs"), [("euler", "euler"), ("midpoint", "midpoint"), ("heun", "heun2")])
def test_fixed_steps_are_torchdiffeqs(solver, theirs, exponent, start, end, x):
    evenly = torch.linspace(*(1 - (1 - t) ** (1 / exponent) for t in (start, end)), 8, dtype=torch.float64)
    times = 1 - (1 - evenly) ** exponent
    expected = odeint(lambda t, x: field(x, t.expand(4)), x, times, method=theirs)[-1]
    seen = []

    def watched(x, t):
        seen.append(t[0].item())
        return field(x, t)

    found, count = integrate(watched, x, start, end, solver=solver, steps=7, exponent=exponent)
    torch.testing.assert_close(found, expected)
    assert count.tolist() == [len(seen)] * 4
    assert seen == pytest.approx(evaluation_times(solver, start, end, 7, exponent))


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_adaptive_solver_is_as_exact_as_it_is_told(tolerance, x, exact):
    """An error of a step is below the tolerance; some dozens of steps of a field that contracts add up to less than 10
    of them.
    """
    found, count = integrate(field, x, 0, 1, solver="adaptive", tolerance=tolerance)
    assert (found - exact).abs().max() < 10 * tolerance * (1 + exact.abs().max())
    assert (count > 6).all()


def test_a_lower_tolerance_takes_more_evaluations(x):
    counts = [integrate(field, x, 0, 1, solver="adaptive", tolerance=10.0**-n)[1].sum() for n in (3, 6, 9)]
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("solver", TABLEAUS)
def test_there_and_back(solver, x):
    """The fixed solvers' own errors of order h and h² remain."""
    there, _ = integrate(field, x, 0, 1, solver=solver, steps=2000, tolerance=1e-9)
    back, _ = integrate(field, there, 1, 0, solver=solver, steps=2000, tolerance=1e-9)
    # backwards the field expands errors, by 11 for the term x / (1.1 − t) alone
    torch.testing.assert_close(back, x, rtol=0, atol={"euler": 2e-2, "adaptive": 1e-6}.get(solver, 1e-4))


@pytest.mark.parametrize("solver", TABLEAUS)
def test_a_row_does_not_depend_on_the_others(solver, x):
    x = x * torch.tensor([1.0, 0.1, 5.0, 30.0]).double().view(-1, 1)
    together, counts = integrate(field, x, 0, 1, solver=solver)
    for row in range(4):
        alone, count = integrate(field, x[row : row + 1], 0, 1, solver=solver)
        torch.testing.assert_close(alone[0], together[row], rtol=1e-12, atol=1e-12)
        assert count.tolist() == [counts[row]]


def test_what_is_given_goes_with_its_row(x):
    rate = torch.tensor([0.5, 1.0, 5.0, 0.0]).double().view(-1, 1)

    def decay(x, t, rate):
        return -rate * x

    found, counts = integrate(decay, x, 0, 1, (rate,), solver="adaptive", tolerance=1e-10)
    torch.testing.assert_close(found, x * (-rate).exp(), rtol=1e-8, atol=1e-8)
    assert counts[2] > counts[3]


def test_a_step_that_is_refused_stands_still_in_its_row_only():
    """∫ exp(−((t − c)/w)²) dt over all t is w √π: bumps at different times, for which steps must shrink."""
    centre = torch.tensor([0.3, 0.5, 0.7, 0.4]).double().view(-1, 1)

    def bump(x, t, centre):
        return (-((t.view(-1, 1) - centre) / 0.05).square()).exp().expand_as(x)

    found, counts = integrate(bump, torch.zeros(4, 2).double(), 0, 1, (centre,), solver="adaptive", tolerance=1e-9)
    torch.testing.assert_close(found, torch.full_like(found, 0.05 * math.sqrt(math.pi)), rtol=0, atol=1e-7)
    assert len(set(counts.tolist())) > 1


@pytest.mark.parametrize("solver", TABLEAUS)
def test_a_tableau_is_consistent(solver):
    tableau = TABLEAUS[solver]
    assert sum(tableau.b) == pytest.approx(1)
    assert sum(tableau.error) == pytest.approx(0)
    # order 2 and more: Σ b_i c_i = ½
    assert solver == "euler" or sum(b * c for b, c in zip(tableau.b, tableau.c, strict=True)) == pytest.approx(1 / 2)


def test_a_field_that_is_no_number_ends(x):
    found, _ = integrate(lambda x, t: x * math.nan, x, 0, 1, solver="adaptive")
    assert found.isnan().all()
