"""Counts of classes."""

import math

import pytest
import torch

from genlab.evaluation.feature_network import Described


def certain(labels, confidence=0.8):
    rest = (1 - confidence) / 9
    probabilities = torch.full((len(labels), 10), rest).scatter(1, torch.tensor(labels)[:, None], confidence)
    return Described(torch.zeros(len(labels), 1), probabilities)


def test_even_classes():
    described = certain(list(range(10)) * 3)
    assert described.class_counts.tolist() == [3] * 10
    found = described.class_scores
    assert found["class_entropy"] == pytest.approx(math.log(10))
    assert found["classes_covered"] == 10
    assert found["confidence"] == pytest.approx(0.8)


def test_two_classes():
    described = certain([4] * 30 + [7] * 10)
    assert described.class_counts.tolist() == [0, 0, 0, 0, 30, 0, 0, 10, 0, 0]
    found = described.class_scores
    assert found["class_entropy"] == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert found["classes_covered"] == 2


def test_a_class_with_less_than_a_tenth_of_its_share_is_not_covered():
    assert certain([0] * 991 + [1] * 9).class_scores["classes_covered"] == 1
    assert certain([0] * 990 + [1] * 10).class_scores["classes_covered"] == 2
