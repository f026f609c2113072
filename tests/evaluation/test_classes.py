"""Counts of classes."""

import math

import pytest
import torch

from genlab.evaluation.classes import class_counts, class_scores


def certain(labels, confidence=0.8):
    rest = (1 - confidence) / 9
    return torch.full((len(labels), 10), rest).scatter(1, torch.tensor(labels)[:, None], confidence)


def test_even_classes():
    probabilities = certain(list(range(10)) * 3)
    assert class_counts(probabilities).tolist() == [3] * 10
    found = class_scores(probabilities)
    assert found["class_entropy"] == pytest.approx(math.log(10))
    assert found["classes_covered"] == 10
    assert found["confidence"] == pytest.approx(0.8)


def test_two_classes():
    probabilities = certain([4] * 30 + [7] * 10)
    assert class_counts(probabilities).tolist() == [0, 0, 0, 0, 30, 0, 0, 10, 0, 0]
    found = class_scores(probabilities)
    assert found["class_entropy"] == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert found["classes_covered"] == 2


def test_a_class_with_less_than_a_tenth_of_its_share_is_not_covered():
    assert class_scores(certain([0] * 991 + [1] * 9))["classes_covered"] == 1
    assert class_scores(certain([0] * 990 + [1] * 10))["classes_covered"] == 2
