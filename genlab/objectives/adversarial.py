"""Games between a generator and a discriminator, as functions of the discriminator's logits.

Logits (B,) are D before the sigmoid: real_logits for images of the data, fake_logits for G(z). Every loss is
minimised and is a mean over images. 0 is the undecided logit in all games, so a positive one means "real" in each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

ObjectiveName = Literal["non_saturating", "saturating", "least_squares", "hinge", "wasserstein"]


@dataclass(frozen=True)
class AdversarialObjective:
    """What each of the two players minimises."""

    discriminator_loss: Callable[[Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor], Tensor]


def value(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """V(D, G) = E log D(x) + E log(1 − D(G(z))), D = sigmoid(logit), in nats.

    −log 4 = −1.3863 where D is ½ everywhere, as it is at the optimum of the game, where G(z) is distributed as the
    data; 0 for a discriminator that is never wrong and always sure.

    Goodfellow et al. 2014, equation 1 and theorem 1.
    """
    return -F.softplus(-real_logits).mean() - F.softplus(fake_logits).mean()


def cross_entropy_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−V(D, G) = −E log D(x) − E log(1 − D(G(z))), in nats; Goodfellow et al. 2014, equation 1."""
    return -value(real_logits, fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """E log(1 − D(G(z))), in nats; Goodfellow et al. 2014, equation 1.

    Its derivative with respect to the logit is −D(G(z)): it vanishes where the discriminator is sure.
    """
    return -F.softplus(fake_logits).mean()


def non_saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """−E log D(G(z)), in nats; Goodfellow et al. 2014, section 3.

    Its derivative with respect to the logit is −(1 − D(G(z))): −1 where the discriminator is sure.
    """
    return F.softplus(-fake_logits).mean()


def least_squares_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """½ E (D(x) − 1)² + ½ E (D(G(z)) + 1)², D the logit itself; Mao et al. 2017, equation 8 (a = −1, b = 1)."""
    return 0.5 * (real_logits - 1).square().mean() + 0.5 * (fake_logits + 1).square().mean()


def least_squares_generator_loss(fake_logits: Tensor) -> Tensor:
    """½ E D(G(z))², D the logit itself; Mao et al. 2017, equation 8 (c = 0).

    With the discriminator's optimum this is Pearson's χ² between p_data + p_G and 2 p_G, up to a factor.
    """
    return 0.5 * fake_logits.square().mean()


def hinge_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))), D the logit itself; Miyato et al. 2018, equation 16, negated."""
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


def wasserstein_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """E D(G(z)) − E D(x), D the logit itself; Arjovsky et al. 2017, equation 3, negated.

    Minus the Wasserstein distance if D is the best of all 1-Lipschitz functions; a penalty has to keep it one.
    """
    return fake_logits.mean() - real_logits.mean()


def linear_generator_loss(fake_logits: Tensor) -> Tensor:
    """−E D(G(z)), D the logit itself; Arjovsky et al. 2017, algorithm 1, and Miyato et al. 2018, equation 17."""
    return -fake_logits.mean()


ADVERSARIAL_OBJECTIVES: dict[ObjectiveName, AdversarialObjective] = {
    "non_saturating": AdversarialObjective(cross_entropy_discriminator_loss, non_saturating_generator_loss),
    "saturating": AdversarialObjective(cross_entropy_discriminator_loss, saturating_generator_loss),
    "least_squares": AdversarialObjective(least_squares_discriminator_loss, least_squares_generator_loss),
    "hinge": AdversarialObjective(hinge_discriminator_loss, linear_generator_loss),
    "wasserstein": AdversarialObjective(wasserstein_discriminator_loss, linear_generator_loss),
}
