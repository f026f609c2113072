"""evaluate(model, images) → everything that is known of the model's worth, and how long it will take."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from genlab.capabilities import (
    CanDecode,
    CanEncode,
    CanSample,
    CanSampleInSteps,
    CountsEvaluations,
    classifies,
    draws_labels,
)
from genlab.errors import ConfigError
from genlab.evaluation.ex_post import fit_ex_post
from genlab.evaluation.feature_network import Space
from genlab.evaluation.label_scores import Labels
from genlab.evaluation.likelihood_scores import EXACT, likelihood_scores
from genlab.evaluation.memorisation import nearest
from genlab.evaluation.sample_scores import Sampler, sample_scores
from genlab.evaluation.sampling import own_sampler
from genlab.evaluation.scores import SAMPLES_OF_A_POINT, Evaluation, evenly, mean_score
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.evaluation.step_curve import has_step_curve, step_curve
from genlab.quantities import score_names

EX_POST_COMPONENTS = 10

# Of the expected time
SHARE = 100  # of the evaluation, the part that is tried
SHARE_OF_A_POINT = 10  # of the samples of a point of the curve over steps
LEAST = 500  # images of a part


@torch.no_grad()
def evaluate(
    model: nn.Module,
    space: Space,
    train: Tensor,
    test: Tensor,
    settings: EvaluationSettings,
    track: Track = silently,
    labels: tuple[Tensor, Tensor] | None = None,
) -> Evaluation:
    """Likelihood where the model has one, the quality of its samples where it can draw some.

    A conditional model is asked for classes as often as the training images have them, if their labels are given.

    Args:
        model: in evaluation mode.
        space: that of the images.
        train: training images, uint8 (N, C, H, W).
        test: test images, alike.
        settings: how much is looked at.
        track: shows progress.
        labels: of training and test images, (N,) each.

    Raises:
        ConfigError: samples from codes are wanted of a model that has none.
        NonFiniteError: samples are no numbers.
    """
    if settings.ex_post is not None and not isinstance(model, CanEncode):
        raise ConfigError("ex_post: the model has no codes to fit a density to; leave ex_post out")
    if settings.ex_post is not None and draws_labels(model):
        raise ConfigError("ex_post: the codes of a conditional model depend on the label; leave ex_post out")
    images = evenly(test, settings.likelihood_images).to(next(model.parameters())) / 255
    compared, asked, of_images = evenly(test, settings.images), None, None
    if labels is not None and draws_labels(model):
        asked = Labels(model.label_prior, labels[0].long(), evenly(labels[1], settings.images).long())
        of_images = evenly(labels[1], settings.likelihood_images).long().to(images.device)
    evaluation = likelihood_scores(model, images, settings, track, of_images)
    if labels is not None and classifies(model):
        evaluation |= _classification(model, compared, evenly(labels[1], settings.images), settings)
    sampler = _sampler(model, train, settings)
    if sampler is None:
        why = "the model neither draws samples nor has codes to fit a density to"
        evaluation |= Evaluation(absent=dict.fromkeys(score_names(space.name), why))
        return evaluation
    if settings.training_images is not None:
        train = evenly(train, settings.training_images)
        asked = asked and replace(asked, train=evenly(asked.train, settings.training_images))
    evaluation |= sample_scores(*sampler, space, train, compared, settings, track, asked, _evaluations(model, settings))
    if has_step_curve(model, settings):
        evaluation |= step_curve(model, space, compared, settings, track)
    return evaluation


def _classification(model: Any, test: Tensor, labels: Tensor, settings: EvaluationSettings) -> Evaluation:
    """The share of test images whose label is not argmax_y q(y|x), beside what a paper reports."""
    weight = next(model.parameters())
    taken = torch.cat([model.classify(some.to(weight) / 255).argmax(-1).cpu() for some in test.split(1000)])
    protocol = f"q(y|x), learned from {model.labels} labels; {len(test)} test images"
    score = mean_score("classification_error", (taken != labels).double(), protocol, EXACT)
    return Evaluation(scores={"classification_error": replace(score, published=settings.published_error)})


def _evaluations(model: nn.Module, settings: EvaluationSettings) -> int | None:
    """Of the network for a sample; None where it depends on the steps, or where these are no plain samples."""
    plain = isinstance(model, CanSample) and settings.ex_post is None and not settings.sampling
    if not plain or not settings.steps or isinstance(model, CanSampleInSteps):
        return None
    return model.network_evaluations if isinstance(model, CountsEvaluations) else 1


def _sampler(model: nn.Module, train: Tensor, settings: EvaluationSettings) -> tuple[Sampler, str] | None:
    """What draws the samples, and its name."""
    own = own_sampler(model, settings)
    if own is not None:
        told = "".join(f", {option} {value}" for option, value in (settings.sampling or {}).items())
        return own, f"the model's own distribution{told}"
    if isinstance(model, CanEncode) and isinstance(model, CanDecode):
        components = min(settings.ex_post or EX_POST_COMPONENTS, len(train))
        fitted = fit_ex_post(model, train, components, settings.seed)
        return fitted.sample, f"a mixture of {components} Gaussians fitted to the codes"
    return None


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
