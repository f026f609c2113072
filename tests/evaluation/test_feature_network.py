"""The network of the package is as good as it says."""

import hashlib
from pathlib import Path

import pytest
import torch

import genlab.evaluation
from genlab.evaluation.feature_network import SECOND_WEIGHTS, WEIGHTS, FeatureNetwork, mnist_network
from genlab.evaluation.feature_training import accuracy, warp

FILE = Path(genlab.evaluation.__file__).with_name(WEIGHTS)
BOTH = pytest.mark.parametrize("weights", [WEIGHTS, SECOND_WEIGHTS])


@pytest.mark.slow
@BOTH
def test_accuracy_on_the_test_images(weights, mnist):
    network = mnist_network(weights)
    measured = accuracy(network.network, mnist.test_set.images, mnist.test_set.labels)
    assert measured >= 0.993
    assert network.test_accuracy == pytest.approx(measured, abs=2e-4)  # two images, for another machine's rounding


@BOTH
def test_the_file_is_small_and_names_itself(weights):
    assert FILE.with_name(weights).stat().st_size <= 1_000_000
    assert mnist_network(weights).sha256 == hashlib.sha256(FILE.with_name(weights).read_bytes()).hexdigest()


def test_the_second_classifier_is_another_one(mnist):
    first, second = mnist_network(), mnist_network(SECOND_WEIGHTS)
    assert type(first.network) is not type(second.network)
    images, labels = mnist.test_set.images[:1000], mnist.test_set.labels[:1000]
    taken = [one.describe(images).probabilities.argmax(-1) for one in (first, second)]
    # they are wrong on different images: both at once less often than either
    wrong = [found != labels for found in taken]
    assert (wrong[0] & wrong[1]).sum() < min(one.sum() for one in wrong)


def test_chunks_bytes_and_floats_are_described_alike(mnist):
    images = mnist.test_set.images[:600]
    whole = mnist_network().describe(images)
    parts = [mnist_network().describe(some.float() / 255) for some in images.split(70)]
    torch.testing.assert_close(torch.cat([part.features for part in parts]), whole.features)
    torch.testing.assert_close(torch.cat([part.probabilities for part in parts]), whole.probabilities)
    torch.testing.assert_close(whole.probabilities.sum(-1), torch.ones(600))


def test_warp_without_change_is_the_identity(mnist):
    images = mnist.test_set.images[:5].float() / 255
    torch.testing.assert_close(warp(images, degrees=0, scale=0, shift=0), images, atol=1e-5, rtol=0)


def test_warp_moves_and_keeps_the_digit(mnist):
    torch.manual_seed(0)
    images = mnist.test_set.images[:500].float() / 255
    warped = warp(images)
    assert (warped - images).flatten(1).norm(dim=-1).min() > 0.5
    assert warped.sum() == pytest.approx(float(images.sum()), rel=0.05)


def test_reading_it_takes_no_random_number_from_a_training():
    before = torch.get_rng_state()
    FeatureNetwork(FILE.read_bytes())
    assert torch.equal(torch.get_rng_state(), before)
