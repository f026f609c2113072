"""How long an evaluation will take."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from torch import Tensor, nn

from genlab.evaluation.evaluate import evaluate
from genlab.evaluation.feature_network import Space
from genlab.evaluation.memorisation import nearest
from genlab.evaluation.scores import SAMPLES_OF_A_POINT, evenly
from genlab.evaluation.settings import EvaluationSettings
from genlab.evaluation.step_curve import has_step_curve, step_curve

SHARE = 100  # of the evaluation, the part that is tried
SHARE_OF_A_POINT = 10  # of the samples of a point of the curve over steps
LEAST = 500  # images of a part


def expected_seconds(
    model: nn.Module,
    space: Space,
    train: Tensor,
    test: Tensor,
    settings: EvaluationSettings,
    labels: tuple[Tensor, Tensor] | None = None,
) -> float | None:
    """Seconds of `evaluate`, whose arguments these are, from a hundredth of it; None where it is short anyway.

    All of it grows with the images and samples, except two parts that are tried by themselves: the search of nearest
    training images, which grows with their product, and the curve over steps, which has so many samples always.
    """
    if settings.likelihood_images < LEAST and settings.samples < 2 * LEAST:
        return None
    part = replace(
        settings,
        samples=max(100, settings.samples // SHARE),
        images=max(100, settings.images // SHARE),
        likelihood_images=max(1, settings.likelihood_images // SHARE),
        prior_samples=max(1, settings.prior_samples // SHARE),
        steps=(),
    )
    few = max(LEAST, len(train) // SHARE)
    of_few = None if labels is None else (evenly(labels[0], few), labels[1])
    seconds = SHARE * _seconds(lambda: evaluate(model, space, evenly(train, few), test, part, labels=of_few))
    queries = test[:LEAST]
    repeated = (settings.samples + min(settings.images, len(test))) / len(queries)
    seconds += repeated * _seconds(lambda: nearest(queries, train))
    if has_step_curve(model, settings):
        point = replace(settings, samples=SAMPLES_OF_A_POINT // SHARE_OF_A_POINT)
        seconds += SHARE_OF_A_POINT * _seconds(lambda: step_curve(model, space, evenly(test, LEAST), point))
    return seconds


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
