"""Paths from noise to data, and that every parametrisation of their field is the same field."""

import math

import pytest
import torch

from genlab.objectives.paths import coefficients, point, velocity, velocity_from_noise

PATHS = ["linear", "cosine"]
every_path = pytest.mark.parametrize("path", PATHS)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def t():
    return torch.linspace(0.02, 0.98, 13, dtype=torch.float64).unsqueeze(1)


def field_of_points(path, x, t, data):
    """E[x_0 | x_t] and E[dx_t/dt | x_t] where x_1 is any of the points (N, D) alike: x (B, D), t (B, 1)."""
    at = coefficients(path, t)
    noise = (x.unsqueeze(1) - at.alpha.unsqueeze(1) * data) / at.sigma.unsqueeze(1)  # (B, N, D)
    weights = (-noise.square().sum(-1) / 2).softmax(1).unsqueeze(-1)
    rates = at.alpha_rate.unsqueeze(1) * data + at.sigma_rate.unsqueeze(1) * noise
    return (weights * noise).sum(1), (weights * rates).sum(1)


@every_path
def test_a_path_leads_from_noise_to_data(path):
    noise, data = draw(4, 3), draw(4, 3, seed=1)
    for when, end in [(0.0, noise), (1.0, data)]:
        at = coefficients(path, torch.full((4, 1), when, dtype=torch.float64))
        torch.testing.assert_close(point(at, noise, data), end)


@every_path
def test_the_velocity_is_the_derivative_of_the_path(path, t):
    noise, data = draw(13, 3), draw(13, 3, seed=1)
    _, expected = torch.func.jvp(lambda t: point(coefficients(path, t), noise, data), (t,), (torch.ones_like(t),))
    torch.testing.assert_close(velocity(coefficients(path, t), noise, data), expected)


def test_the_linear_path_is_straight(t):
    noise, data = draw(13, 3), draw(13, 3, seed=1)
    torch.testing.assert_close(velocity(coefficients("linear", t), noise, data), data - noise)


def test_the_cosine_path_keeps_the_variance(t):
    at = coefficients("cosine", t)
    torch.testing.assert_close(at.alpha.square() + at.sigma.square(), torch.ones_like(t))


@every_path
def test_the_marginal_of_x_t_is_a_gaussian_for_gaussian_data(path):
    """x_t ~ N(α m, α² s² + σ²); of 200,000 draws mean and variance lie within five standard errors."""
    n, m, s = 200_000, 0.7, 0.3
    for when in (0.1, 0.5, 0.9):
        at = coefficients(path, torch.tensor(when, dtype=torch.float64))
        x = point(at, draw(n), m + s * draw(n, seed=1))
        variance = at.alpha**2 * s**2 + at.sigma**2
        assert abs(x.mean() - at.alpha * m) < 5 * (variance / n).sqrt()
        assert abs(x.var() - variance) < 5 * variance * math.sqrt(2 / n)


# The parametrisations


@every_path
def test_a_prediction_of_noise_is_the_same_field_as_one_of_velocity(path, t):
    x, data = draw(13, 2), draw(5, 2, seed=1)
    noise, expected = field_of_points(path, x, t, data)
    torch.testing.assert_close(velocity_from_noise(coefficients(path, t), x, noise), expected)


def test_the_cosine_field_is_the_linear_one_in_another_time_and_scale(t):
    """x_cos(t) = r · x_lin(s) with α_lin(s)/σ_lin(s) = α_cos(t)/σ_cos(t), so dx_cos/dt = r′ x_lin + r s′ v_lin."""

    def time_and_scale(t):
        at = coefficients("cosine", t)
        return at.alpha / (at.alpha + at.sigma), at.alpha + at.sigma

    x, data = draw(13, 2), draw(5, 2, seed=1)
    (s, r), (s_rate, r_rate) = torch.func.jvp(time_and_scale, (t,), (torch.ones_like(t),))
    _, linear = field_of_points("linear", x / r, s, data)
    _, cosine = field_of_points("cosine", x, t, data)
    torch.testing.assert_close(cosine, r_rate * x / r + r * s_rate * linear)


@every_path
def test_the_least_squares_fit_of_the_velocity_is_the_closed_form(path):
    """For x_1 ~ N(m, s²) the field is linear in x_t, so a regression of dx_t/dt on x_t finds it."""
    n, m, s = 200_000, 0.7, 0.3
    at = coefficients(path, torch.tensor(0.6, dtype=torch.float64))
    noise, data = draw(n), m + s * draw(n, seed=1)
    x, wanted = point(at, noise, data), velocity(at, noise, data)
    variance = at.alpha**2 * s**2 + at.sigma**2
    slope = (at.alpha_rate * at.alpha * s**2 + at.sigma_rate * at.sigma) / variance
    design = torch.stack([torch.ones_like(x), x - at.alpha * m], dim=1)
    (intercept, found) = torch.linalg.lstsq(design, wanted.unsqueeze(1)).solution.flatten()
    error = (wanted - at.alpha_rate * m - slope * (x - at.alpha * m)).std() / math.sqrt(n)
    assert abs(intercept - at.alpha_rate * m) < 5 * error
    assert abs(found - slope) < 5 * error / variance.sqrt()
