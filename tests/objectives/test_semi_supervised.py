"""The objective of M2: theorems on the bound of an image without a label, and the weights of the parts by hand."""

import math

import pytest
import torch

from genlab.objectives import bound_over_labels, semi_supervised_objective

GENERATOR = torch.Generator().manual_seed(0)
JOINT = torch.randn(4, 6, generator=GENERATOR, dtype=torch.float64) * 3 - 90  # as if log p(x, y), of 4 labels
LOG_Q = torch.randn(4, 6, generator=GENERATOR, dtype=torch.float64).log_softmax(0)


def test_the_bound_by_hand():
    bounds, q = torch.tensor([[-90.0], [-92.0]], dtype=torch.float64), torch.tensor([[0.75], [0.25]]).double()
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    expected = torch.tensor([0.75 * -90 + 0.25 * -92 + entropy], dtype=torch.float64)
    torch.testing.assert_close(bound_over_labels(bounds, q.log()), expected)
    expected_half = torch.tensor([0.75 * -90 + 0.25 * -92 + 0.5 * entropy], dtype=torch.float64)
    torch.testing.assert_close(bound_over_labels(bounds, q.log(), beta=0.5), expected_half)


def test_it_is_at_most_log_p_whatever_the_classifier_says():
    assert (bound_over_labels(JOINT, LOG_Q) < JOINT.logsumexp(0)).all()


def test_it_is_log_p_where_the_classifier_is_the_posterior():
    torch.testing.assert_close(bound_over_labels(JOINT, JOINT.log_softmax(0)), JOINT.logsumexp(0))


def test_where_the_classifier_is_sure_it_is_the_bound_of_that_label():
    sure = torch.full((4, 6), -1000.0, dtype=torch.float64)
    sure[2] = 0
    torch.testing.assert_close(bound_over_labels(JOINT, sure), JOINT[2])


@pytest.fixture
def parts():
    """All 6 images as one batch, of which two have a label, and these two as the other batch."""
    hidden = torch.tensor([True, True, False, True, False, True])
    labelled = JOINT[1, ~hidden]
    log_q = LOG_Q[1, ~hidden].clone().requires_grad_()
    return bound_over_labels(JOINT, LOG_Q), hidden, labelled, log_q


def test_of_all_images_at_once_the_estimate_is_the_objective(parts):
    unlabelled, hidden, labelled, log_q = parts
    alpha = 0.3 * 6
    j = -(labelled.sum() + unlabelled[hidden].sum())  # equation 8
    j_alpha = j - alpha * log_q.mean()  # equation 9
    found = semi_supervised_objective(unlabelled, hidden, labelled, log_q, share=2 / 6, classifier_weight=0.3)
    torch.testing.assert_close(found, -j_alpha / 6)


def test_the_classifier_has_its_weight_once_and_gains_by_it(parts):
    *others, log_q = parts
    semi_supervised_objective(*others, log_q, share=2 / 6, classifier_weight=0.3).backward()
    torch.testing.assert_close(log_q.grad, torch.full((2,), 0.3 / 2, dtype=torch.float64))


def test_an_image_with_a_label_counts_once(parts):
    unlabelled, hidden, *others = parts
    moved = unlabelled + 5 * ~hidden
    one, other = (
        semi_supervised_objective(some, hidden, *others, share=2 / 6, classifier_weight=0.3)
        for some in (unlabelled, moved)
    )
    assert torch.equal(one, other)
