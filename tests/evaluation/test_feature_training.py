"""The task that needs no labels, and a classifier for images of any side."""

import pytest
import torch

from genlab.evaluation.feature_training import is_poor, turned
from genlab.networks.image_classifier import FEATURES, ImageClassifier
from genlab.networks.image_mixer import CHANNELS, ImageMixer


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 9), (1, 9, 64), (3, 40, 41), (1, 41, 41), (3, 64, 64), (1, 64, 65)]
)
@pytest.mark.parametrize(("kind", "features"), [(ImageClassifier, FEATURES), (ImageMixer, CHANNELS)])
def test_a_classifier_fits_images_of_any_side(shape, kind, features):
    network = kind(shape, 7).eval()
    assert network.features(torch.rand(2, *shape)).shape == (2, features)
    assert network(torch.rand(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("shape", [(3, 5, 5), (1, 4, 7)])
def test_turns_are_four_different_ones_that_form_a_group(shape):
    images, turns = torch.rand(4, *shape).double(), torch.arange(4)
    found = turned(images, turns)
    assert torch.equal(found[0], images[0])
    one = turned(images[:1].repeat(4, 1, 1, 1), turns)
    assert len({tuple(image.flatten().tolist()) for image in one}) == 4
    back = -turns % 4 if shape[1] == shape[2] else turns  # a mirror is its own inverse
    assert torch.equal(turned(found, back), images)


def test_a_turn_is_a_quarter():
    images = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert torch.equal(turned(images, torch.tensor([1]))[0, 0], torch.rot90(images[0, 0]))


def test_what_a_network_must_know_grows_from_chance():
    assert is_poor(0.43, 4) and not is_poor(0.45, 4)  # 0.25 + 0.25 · 0.75 = 0.4375
    assert is_poor(0.32, 10) and not is_poor(0.33, 10)
