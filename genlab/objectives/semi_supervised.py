"""The objective of the semi-supervised VAE, M2 (Kingma, Rezende, Mohamed & Welling 2014), as quantities to maximise.

The paper minimises L(x, y) = −ELBO(x, y) and U(x); here are −L and −U, which are lower bounds, and −J^α.
"""

from torch import Tensor


def bound_over_labels(bounds: Tensor, log_q: Tensor, beta: float | Tensor = 1.0) -> Tensor:
    """−U(x) = Σ_y q(y|x) (−L(x, y)) + H(q(y|x)) ≤ log p(x), in nats, summed over all labels.

    Args:
        bounds: −L(x, y) ≤ log p(x, y) for each label (classes, B).
        log_q: log q(y|x), alike.
        beta: weight of the entropy H, which is part of KL(q(y, z|x) ‖ p(y) p(z)).

    Returns:
        (B,).

    Equation 7.
    """
    return (log_q.exp() * (bounds - log_q * beta)).sum(0)


def semi_supervised_objective(
    unlabelled: Tensor, hidden: Tensor, labelled: Tensor, log_q: Tensor, share: float, classifier_weight: float
) -> Tensor:
    """An unbiased estimate of −J^α / N = 1/N (Σ_l −L(x, y) + Σ_u −U(x)) + α/N · E_l[log q(y|x)], a scalar, in nats.

    N images train, of which N_l have a label: Σ_l and the mean E_l are over these, Σ_u over the others. The paper's
    α = 0.1 · N is a classifier weight α/N of 0.1. The two batches are drawn apart, so that each step has images with a
    label, however few there are.

    Args:
        unlabelled: −U(x) of B images out of all N, (B,).
        hidden: whether the label of each is hidden, (B,): those whose label is known have no part in Σ_u.
        labelled: −L(x, y) of images drawn from the N_l, (M,).
        log_q: log q(y|x) of the same, (M,).
        share: N_l / N.
        classifier_weight: α/N.

    Equations 8 and 9.
    """
    bound = (unlabelled * hidden).mean() + share * labelled.mean()
    return bound + classifier_weight * log_q.mean()
