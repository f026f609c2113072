"""A generator that copies is found out, digits that were never seen are not."""

import pytest
import torch

from genlab.evaluation import memorisation
from genlab.evaluation.memorisation import nearest, verdict


@pytest.fixture(scope="module")
def images(mnist):
    """Training images, test images, as uint8."""
    return mnist.train_set.images[:8000], mnist.test_set.images[:1000]


@pytest.fixture(scope="module")
def of_test(images):
    training, test = images
    return nearest(test, training)


def test_nearest_is_by_euclidean_distance(monkeypatch):
    monkeypatch.setattr(memorisation, "CHUNK", 3)
    generator = torch.Generator().manual_seed(0)
    queries, training = (torch.rand(n, 1, 4, 4, generator=generator) for n in (7, 30))
    training[11] = queries[2]
    found = nearest(queries, training)
    distances, rows = torch.cdist(queries.flatten(1).double(), training.flatten(1).double()).sort()
    assert found.rows.tolist() == rows[:, :2].tolist()
    torch.testing.assert_close(found.distances, distances[:, :2], atol=1e-6, rtol=1e-6)
    assert found.distances[2, 0] == 0


def test_pixels_of_bytes_are_those_of_floats(images):
    training, test = images
    found = nearest(test[:20], training[:500])
    again = nearest(test[:20].float() / 255, training[:500])
    assert found.rows.tolist() == again.rows.tolist()
    torch.testing.assert_close(found.distances, again.distances)


def test_held_out_digits_are_no_copies(images, of_test):
    training, _ = images
    held_out = nearest(training[7000:], training[:7000])
    assert not verdict(held_out, of_test)


def test_a_copying_generator_is_flagged(images, of_test):
    training, _ = images
    generator = torch.Generator().manual_seed(0)
    noise = 0.02 * torch.rand(1000, 1, 28, 28, generator=generator)
    copies = nearest(training[:1000].float() / 255 + noise, training)
    assert copies.copied_share > 0.9
    assert verdict(copies, of_test)


def test_one_copy_in_twenty_is_flagged(images, of_test):
    training, test = images
    assert verdict(nearest(torch.cat([test[:950], training[:50]]), training), of_test)


def test_blurred_digits_are_near_but_no_copies(images, of_test):
    training, test = images
    blurred = torch.nn.functional.avg_pool2d(test.float() / 255, 3, stride=1, padding=1)
    found = nearest(blurred, training)
    assert found.median_distance < of_test.median_distance
    assert not verdict(found, of_test)
