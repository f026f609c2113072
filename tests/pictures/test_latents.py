"""Paths between latent points."""

import pytest
import torch

from genlab.pictures.latent_space import linear_interpolation, spherical_interpolation

PATHS = [linear_interpolation, spherical_interpolation]


def points(seed, n=5, dimension=7):
    return torch.randn(n, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_are_exactly_the_ends(path, dtype):
    start, end = points(0).to(dtype), points(1).to(dtype)
    t = torch.tensor([0.0, 1.0], dtype=dtype).view(2, 1, 1)
    assert torch.equal(path(start, end, t), torch.stack([start, end]))


def test_equal_steps_turn_by_equal_angles():
    start, end = points(0), points(1)
    start, end = start / start.norm(dim=1, keepdim=True), end / end.norm(dim=1, keepdim=True)
    t = torch.linspace(0, 1, 6, dtype=torch.float64).view(-1, 1, 1)
    path = spherical_interpolation(start, end, t)
    torch.testing.assert_close(path.norm(dim=-1), torch.ones(6, 5, dtype=torch.float64))
    angles = torch.acos((path[1:] * path[:-1]).sum(-1))
    torch.testing.assert_close(angles, torch.acos((start * end).sum(-1)).div(5).expand(5, 5))


@pytest.mark.parametrize("angle", [0.3, 1.5, 3.14])
def test_the_length_goes_evenly_from_the_one_to_the_other(angle):
    angle = torch.tensor(angle, dtype=torch.float64)
    start, end = torch.tensor([[2.0, 0.0]], dtype=torch.float64), 0.5 * torch.stack([angle.cos(), angle.sin()])[None]
    t = torch.linspace(0, 1, 5, dtype=torch.float64).view(-1, 1, 1)
    path = spherical_interpolation(start, end, t)
    torch.testing.assert_close(path.norm(dim=-1).flatten(), torch.linspace(2, 0.5, 5, dtype=torch.float64))


def test_a_quarter_circle():
    """Halfway from (2, 0) to (0, 2): 2 (cos 45°, sin 45°)."""
    start, end = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    torch.testing.assert_close(
        spherical_interpolation(start, end, torch.tensor(0.5)), torch.full((1, 2), 2**0.5), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_where_there_is_no_great_circle_the_path_is_straight(factor):
    start, t = points(0), torch.linspace(0, 1, 5, dtype=torch.float64).view(-1, 1, 1)
    path = spherical_interpolation(start, factor * start, t)
    torch.testing.assert_close(path, linear_interpolation(start, factor * start, t))


def test_small_angles_are_exact():
    """At 1e-5 the arc and the chord agree to 1e-10; an arc cosine would be wrong in the sixth digit."""
    start = points(0)
    end = start + 1e-5 * points(1)
    t = torch.linspace(0, 1, 5, dtype=torch.float64).view(-1, 1, 1)
    path = spherical_interpolation(start, end, t)
    torch.testing.assert_close(path, linear_interpolation(start, end, t), rtol=1e-8, atol=1e-9)
