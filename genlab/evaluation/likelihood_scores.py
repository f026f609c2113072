"""The likelihood of test images, for models that have one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import CanEstimateLikelihood, CanExplain, CanSample, CanWeigh, HasLikelihood
from genlab.evaluation.likelihood import (
    BINARY,
    from_prior,
    importance_weighted,
    importance_weighted_by_class,
    log_marginal,
    log_prior,
    share_of_each,
)
from genlab.evaluation.scores import Curve, Evaluation, Point, mean_score
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.quantities import quantity

AT_ONCE = 100  # images, where the likelihood is exact
EXACT, BOUND = "exact", "upper bound"  # a bound in expectation


@dataclass(frozen=True)
class _Found:
    """Log-likelihoods of B images, in nats, float64."""

    given: Tensor  # log p(x), or log p(x|y) for the labels where these are known, (B,)
    how: str  # it is estimated, as `Score.estimator`
    by_class: Tensor  # log p(x|y) for each y, (B, classes), all in the same way; means nothing without labels
    how_by_class: str  # these are estimated, without what comes before the colon


def likelihood_scores(
    model: Any, images: Tensor, settings: EvaluationSettings, track: Track = silently, labels: Tensor | None = None
) -> Evaluation:
    """nll of binary pixels, or bits_per_dim of 8-bit ones, with the curve over K; or why there is none.

    With labels: −log p(x) of p(x) = Σ_y p(y) p(x|y), −log p(x|y), and how often argmax_y p(x|y) p(y) is the label.

    Args:
        model: in evaluation mode.
        images: test images (B, C, H, W) in [0, 1], on the model's device.
        settings: how many samples are drawn.
        labels: of the images, int64 (B,), where the model draws labels.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    if isinstance(model, HasLikelihood | CanEstimateLikelihood):
        return _scores(model, images, labels, _computed(model, images, labels, generator, track), settings)
    if why := _why_none(model):
        names = ["nll", "bits_per_dim", *(["generative_accuracy"] if labels is not None else [])]
        return Evaluation(absent=dict.fromkeys(names, why))
    return _weighted(model, images, labels, generator, settings, track)


def _why_none(model: Any) -> str:
    """Why a model that does not compute its likelihood has no estimate either; empty if it has one."""
    if isinstance(model, CanWeigh):
        return "grey pixels in a Bernoulli distribution have no likelihood" if model.pixels == "grey" else ""
    if isinstance(model, CanSample):
        return "samples can be drawn, but the model has no density that could be evaluated"
    return "the model has no distribution of images"


def _computed(model: Any, images: Tensor, labels: Tensor | None, generator: torch.Generator, track: Track) -> _Found:
    """By the model: exactly, or as it estimates it."""
    classes = [None] if labels is None else list(torch.arange(model.num_classes, device=images.device))
    # the noise is the same for all labels: only the label tells them apart
    noises = [generator.clone_state() for _ in classes]
    found = [
        torch.stack([_of_part(model, some, y, noise) for y, noise in zip(classes, noises, strict=True)], dim=1)
        for some in track(images.split(AT_ONCE), description="likelihood")
    ]
    by_class, evaluations = torch.cat(found).unbind(-1)  # (B, classes) both
    given = by_class[:, 0] if labels is None else by_class.gather(1, labels.cpu().unsqueeze(1)).squeeze(1)
    if isinstance(model, HasLikelihood):
        return _Found(given, EXACT, by_class, "")
    how = f"{model.likelihood_method}; {evaluations.mean(0).sum():.0f} evaluations of the network an image"
    return _Found(given, f"{BOUND}: {how}", by_class, how)


def _of_part(model: Any, images: Tensor, label: Tensor | None, generator: torch.Generator) -> Tensor:
    """Log-likelihoods, and how often each evaluated the network, 0 where nobody counts: (B, 2), float64."""
    told = {} if label is None else {"labels": label.expand(len(images))}
    if isinstance(model, HasLikelihood):
        found = model.exact_log_likelihood(images, **told)
        pair = found, torch.zeros_like(found)
    else:
        pair = model.estimate_log_likelihood(images, generator, **told)
    return torch.stack([part.double().cpu() for part in pair], dim=-1)


def _weighted(
    model: Any,
    images: Tensor,
    labels: Tensor | None,
    generator: torch.Generator,
    settings: EvaluationSettings,
    track: Track,
) -> Evaluation:
    """By importance sampling, with the curve over the number of samples."""
    what, base, most, chunk = "importance samples", 10, settings.importance_samples, 1000
    if model.pixels == "8-bit":
        what, base, most, chunk = "draws of dequantization noise", 2, settings.dequantization_samples, 100
    counts, how = powers(base, most), f"log-mean-exp of {most} {what}"
    if labels is None:
        estimate = importance_weighted(model, images, counts, generator, chunk, track)
        by_class, how_by_class, of_elbo = estimate.log_likelihood, "", ""
    else:
        by_class, estimate = importance_weighted_by_class(model, images, labels, counts, generator, chunk, track)
        how_by_class = f"log-mean-exp of {share_of_each(most, model)} {what}"
        of_elbo = ", of log p(x, y), a bound of log p(x) too"
    found = _Found(estimate.log_likelihood[-1], f"{BOUND}: {how}", by_class, how_by_class)
    evaluation, x = _scores(model, images, labels, found, settings), protocol_of(model, images)
    name, _, per = _measure(model, images)
    name = name if labels is None else f"{name}_given_label"
    evaluation.curves[name] = _curve(name, what, x, counts, -estimate.log_likelihood / per)
    if model.pixels == "8-bit":
        return evaluation
    elbo = estimate.elbo if labels is None else estimate.elbo + log_prior(model)[labels.cpu()]
    score = mean_score("elbo", elbo, x, f"estimate: mean over {most} {what}{of_elbo}")
    evaluation.scores = {"elbo": score} | evaluation.scores
    if isinstance(model, CanExplain):
        prior, of_prior = settings.prior_samples, f"{settings.prior_samples} latents of the prior"
        naive = from_prior(model, images, prior, generator, track)
        how = f"{BOUND}: log-mean-exp of {of_prior}"
        evaluation.scores["nll_from_prior"] = mean_score("nll_from_prior", -naive.log_likelihood, x, how)
        evaluation.scores["prior_effective_samples"] = mean_score(
            "prior_effective_samples", naive.effective_samples, f"{x}; {of_prior}", unit=f"of {prior}"
        )
    return evaluation


def _scores(
    model: Any, images: Tensor, labels: Tensor | None, found: _Found, settings: EvaluationSettings
) -> Evaluation:
    (name, other, per), x = _measure(model, images), protocol_of(model, images)
    if labels is None:
        scores = {name: mean_score(name, -found.given / per, x, found.how)}
    else:
        head, colon, rest = found.how.partition(": ")
        others = "" if found.how_by_class == rest else f", for other labels {found.how_by_class}"
        summed = f"{head}: log of the sum over {model.num_classes} labels; {rest}{others}" if colon else EXACT
        decided = f"estimate: {found.how_by_class}" if colon else EXACT
        log_likelihood = log_marginal(model, found.by_class, found.given, labels)
        hits = (found.by_class + log_prior(model)).argmax(1) == labels.cpu()
        scores = {
            name: mean_score(name, -log_likelihood / per, x, summed),
            f"{name}_given_label": mean_score(f"{name}_given_label", -found.given / per, x, found.how),
            "generative_accuracy": mean_score("generative_accuracy", hits.double(), x, decided),
        }
    if name == "nll":
        scores[name] = replace(scores[name], published=settings.published_nll)
    pixels = "8-bit" if model.pixels == "8-bit" else "binary"
    return Evaluation(scores=scores, absent={other: f"the likelihood is of {pixels} pixels: see {name}"})


def _measure(model: Any, images: Tensor) -> tuple[str, str, float]:
    """The score that is meant for the model's pixels, the one that is not, and how many nats are one of its units."""
    if model.pixels == "8-bit":
        return "bits_per_dim", "nll", math.log(2) * images[0].numel()
    return "nll", "bits_per_dim", 1.0


def protocol_of(model: CanWeigh | HasLikelihood | CanEstimateLikelihood, images: Tensor) -> str:
    """What likelihoods must have in common to be compared, on one data set."""
    kind = f"binary pixels, {BINARY[model.pixels]}" if model.pixels in BINARY else f"{model.pixels} pixels"
    return f"{kind}; {len(images)} test images"


def _curve(name: str, x: str, protocol: str, counts: Sequence[int], values: Tensor) -> Curve:
    means = [(k, mean_score(name, row, protocol)) for k, row in zip(counts, values, strict=True)]
    return Curve(x, quantity(name).unit, protocol, [Point(k, mean.value, mean.standard_error) for k, mean in means])


def powers(base: int, most: int) -> list[int]:
    """1, base, base², … below `most`, and `most`: 1, 10, 100, 1000, 5000."""
    exponents = range(most.bit_length())
    return [base**exponent for exponent in exponents if base**exponent < most] + [most]
