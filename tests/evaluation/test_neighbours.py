"""Precision, recall, density and coverage against the reference implementation, and on sets made for them."""

import pytest
import torch

from genlab.evaluation import neighbours
from genlab.evaluation.neighbours import precision_recall_density_coverage, radii


def clusters(labels, seed, spread=0.3):
    """A point near the corner of its label, in ten dimensions."""
    noise = torch.randn(len(labels), 10, generator=torch.Generator().manual_seed(seed))
    return 3 * torch.nn.functional.one_hot(labels, 10) + spread * noise


REAL = clusters(torch.arange(600) % 10, seed=0)
FAKE = clusters(torch.arange(500) % 10, seed=1, spread=0.35)


def test_equals_the_reference():
    from prdc import compute_prdc

    three, five = (compute_prdc(REAL.numpy(), FAKE.numpy(), nearest_k=k) for k in (3, 5))
    expected = {name: three[name] for name in ("precision", "recall")}
    expected |= {name: five[name] for name in ("density", "coverage")}
    found = precision_recall_density_coverage(REAL, FAKE)
    assert found == pytest.approx(expected, abs=1e-12)
    assert all(0.02 < value < 0.98 for value in found.values())  # where a mistake would show


@pytest.mark.parametrize("chunk", [7, 600])
def test_does_not_depend_on_the_chunks(chunk, monkeypatch):
    whole = precision_recall_density_coverage(REAL, FAKE)
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    assert precision_recall_density_coverage(REAL, FAKE) == pytest.approx(whole, abs=1e-12)


def test_radius_is_the_distance_to_the_kth_other():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64)
    nearest, second = radii(points, 1, 2)
    assert nearest.tolist() == [1, 1, 2, 4]
    assert second.tolist() == [3, 2, 3, 6]


def test_one_digit_alone_loses_recall_and_coverage():
    even = precision_recall_density_coverage(REAL, clusters(torch.arange(500) % 10, seed=2))
    one = precision_recall_density_coverage(REAL, clusters(torch.zeros(500, dtype=torch.int64), seed=2))
    assert one["precision"] > 0.9 * even["precision"] and one["density"] > 0.8 * even["density"]
    assert one["recall"] < 0.15 and one["coverage"] < 0.15  # one digit of ten is a tenth
    assert even["recall"] > 0.8 and even["coverage"] > 0.8


def test_noise_loses_precision_and_density():
    noise = 5 * torch.rand(500, 10, generator=torch.Generator().manual_seed(3))
    found = precision_recall_density_coverage(REAL, noise)
    assert found["precision"] < 0.05 and found["density"] < 0.05


def test_sets_of_two_have_one_neighbour():
    """Real balls reach 1, fake ones 2: a fake at 0.5 is in both real balls, one at 2.5 in none."""
    real, fake = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [2.5]])
    found = precision_recall_density_coverage(real, fake)
    assert found == {"precision": 0.5, "recall": 1, "density": 1, "coverage": 1}
