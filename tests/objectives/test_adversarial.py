"""The games of the GAN: values by hand, and which way the gradients point."""

import math

import pytest
import torch
from torch.nn import functional as F

from genlab.objectives.adversarial import ADVERSARIAL_OBJECTIVES, value

ZERO = torch.zeros(5, dtype=torch.float64)
LOG2, LOG3 = math.log(2), math.log(3)
NAMES = list(ADVERSARIAL_OBJECTIVES)


def constant(logit):
    return torch.full((5,), logit, dtype=torch.float64)


# D is 3/4 on real images, at logit log 3, and 1/4 on fakes, at -log 3
HALF_SURE = {
    "non_saturating": (2 * math.log(4 / 3), math.log(4)),
    "saturating": (2 * math.log(4 / 3), math.log(3 / 4)),
    "least_squares": ((LOG3 - 1) ** 2, LOG3**2 / 2),
    "hinge": (0.0, LOG3),  # log 3 > 1: both beyond the margin
    "wasserstein": (-2 * LOG3, LOG3),
}
UNDECIDED = {
    "non_saturating": (2 * LOG2, LOG2),
    "saturating": (2 * LOG2, -LOG2),
    "least_squares": (1.0, 0.0),
    "hinge": (2.0, 0.0),
    "wasserstein": (0.0, 0.0),
}


def losses(name, real_logits, fake_logits):
    objective = ADVERSARIAL_OBJECTIVES[name]
    discriminator_loss = objective.discriminator_loss(real_logits, fake_logits)
    return discriminator_loss.item(), objective.generator_loss(fake_logits).item()


@pytest.mark.parametrize("name", NAMES)
def test_logits_of_zero(name):
    assert losses(name, ZERO, ZERO) == pytest.approx(UNDECIDED[name], abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_a_discriminator_that_says_three_quarters(name):
    assert losses(name, constant(LOG3), constant(-LOG3)) == pytest.approx(HALF_SURE[name], abs=1e-15)


def test_hinge_inside_its_margin():
    """max(0, 1 − ½) + max(0, 1 − ¼)."""
    assert losses("hinge", constant(0.5), constant(-0.25)) == pytest.approx((1.25, 0.25))


@pytest.mark.parametrize("name", NAMES)
def test_the_discriminator_is_driven_up_on_the_data_and_down_on_fakes(name):
    real, fake = (torch.linspace(-0.9, 0.9, 5, dtype=torch.float64).requires_grad_() for _ in range(2))
    ADVERSARIAL_OBJECTIVES[name].discriminator_loss(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_is_driven_to_raise_the_logits_of_detected_fakes(name):
    fake = torch.linspace(-4, -0.1, 5, dtype=torch.float64).requires_grad_()
    ADVERSARIAL_OBJECTIVES[name].generator_loss(fake).backward()
    assert (fake.grad < 0).all()


def test_the_saturating_gradient_is_d_and_the_non_saturating_one_minus_d():
    logits = torch.tensor([-3.0, 0.0, 2.0], dtype=torch.float64)
    for name, weight in [("saturating", logits.sigmoid()), ("non_saturating", 1 - logits.sigmoid())]:
        fake = logits.clone().requires_grad_()
        ADVERSARIAL_OBJECTIVES[name].generator_loss(fake).backward()
        torch.testing.assert_close(fake.grad, -weight / 3)


def test_value_is_minus_log_four_where_d_is_one_half():
    assert value(ZERO, ZERO).item() == pytest.approx(-math.log(4), rel=1e-15)


def test_value_is_the_definition():
    real, fake = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.log(torch.sigmoid(real)).mean() + torch.log(1 - torch.sigmoid(fake)).mean()
    torch.testing.assert_close(value(real, fake), expected)


def test_the_discriminator_of_the_original_game_maximises_the_value():
    """d/dD of p log D + q log(1 − D) is 0 at D = p / (p + q); Goodfellow et al. 2014, proposition 1."""
    p, q = 0.7, 0.2
    logit = torch.tensor([math.log(p / q)], dtype=torch.float64, requires_grad=True)
    (p * F.softplus(-logit) + q * F.softplus(logit)).sum().backward()
    assert logit.grad.item() == pytest.approx(0, abs=1e-15)
    real, fake = (torch.tensor([math.log(p / q)], dtype=torch.float64, requires_grad=True) for _ in range(2))
    ADVERSARIAL_OBJECTIVES["non_saturating"].discriminator_loss(real, fake).backward()
    assert (p * real.grad + q * fake.grad).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_sure_discriminators_overflow_nowhere(name, logit):
    assert all(math.isfinite(loss) for loss in losses(name, constant(logit), constant(-logit)))
