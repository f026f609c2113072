"""The likelihoods of a conditional model: log p(x|y), log p(x), and the classifier that they make."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import CanEstimateLikelihood, CanExplain, CanWeigh, HasLikelihood
from genlab.evaluation.label_likelihood import (
    each_label,
    importance_weighted_by_class,
    log_marginal,
    log_prior,
    share_of_each,
)
from genlab.evaluation.likelihood_scores import (
    AT_ONCE,
    BOUND,
    EXACT,
    curve_over,
    from_prior_scores,
    likelihood_scores,
    powers,
    protocol_of,
)
from genlab.evaluation.scores import Evaluation, mean_score
from genlab.evaluation.settings import EvaluationSettings, Track, silently


@dataclass(frozen=True)
class _Estimates:
    """Of the log-likelihoods of B images, in nats, float64.

    Attributes:
        by_class: log p(x|y) for each y, (B, classes), all in the same way.
        given: log p(x|y) for the label, (B,), with as many samples as the settings say.
        how: the latter is estimated, as `Score.estimator`.
        how_by_class: the former are, without what comes before the colon.
    """

    by_class: Tensor
    given: Tensor
    how: str
    how_by_class: str


def label_likelihood_scores(
    model: Any, images: Tensor, labels: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """−log p(x) of p(x) = Σ_y p(y) p(x|y), −log p(x|y), and how often argmax_y p(x|y) p(y) is the label.

    In nats of binary pixels, in bits per dimension of 8-bit ones; or why there is none, as `likelihood_scores` says it.

    Args:
        model: that draws labels, in evaluation mode.
        images: test images (B, C, H, W) in [0, 1], on the model's device.
        labels: theirs, int64 (B,).
        settings: how many samples are drawn.
        track: shows progress.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    if isinstance(model, HasLikelihood):
        return _scores(model, images, labels, _exact(model, images, labels, track), settings)
    if isinstance(model, CanEstimateLikelihood):
        return _scores(model, images, labels, _estimated(model, images, labels, generator, track), settings)
    if isinstance(model, CanWeigh) and model.pixels != "grey":
        return _weighted(model, images, labels, generator, settings, track)
    none = likelihood_scores(model, images, settings, track)
    none |= Evaluation(absent={"generative_accuracy": none.absent["nll"]})
    return none


def _scores(model: Any, images: Tensor, labels: Tensor, found: _Estimates, settings: EvaluationSettings) -> Evaluation:
    log_likelihood = log_marginal(model, found.by_class, found.given, labels)
    hits = (found.by_class + log_prior(model)).argmax(1) == labels.cpu()
    x = protocol_of(model, images)
    name, other, per = "nll", "bits_per_dim", 1.0
    if model.pixels == "8-bit":
        name, other, per = "bits_per_dim", "nll", math.log(2) * images[0].numel()
    head, colon, rest = found.how.partition(": ")
    others = "" if found.how_by_class == rest else f", for other labels {found.how_by_class}"
    summed = f"{head}: log of the sum over {model.num_classes} labels; {rest}{others}" if colon else EXACT
    decided = f"estimate: {found.how_by_class}" if colon else EXACT
    scores = {
        name: mean_score(name, -log_likelihood / per, x, summed),
        f"{name}_given_label": mean_score(f"{name}_given_label", -found.given / per, x, found.how),
        "generative_accuracy": mean_score("generative_accuracy", hits.double(), x, decided),
    }
    if name == "nll":
        scores[name] = replace(scores[name], published=settings.published_nll)
    pixels = "8-bit" if model.pixels == "8-bit" else "binary"
    return Evaluation(scores=scores, absent={other: f"the likelihood is of {pixels} pixels: see {name}"})


def _exact(model: Any, images: Tensor, labels: Tensor, track: Track) -> _Estimates:
    columns = [
        torch.cat([model.exact_log_likelihood(some, labels=label.expand(len(some))) for some in images.split(AT_ONCE)])
        for label in track(each_label(model, images), description="likelihood")
    ]
    return _alike(torch.stack(columns, dim=1), labels, EXACT)


def _estimated(model: Any, images: Tensor, labels: Tensor, generator: torch.Generator, track: Track) -> _Estimates:
    columns, evaluations = [], 0.0
    for label in track(each_label(model, images), description="likelihood"):
        noise = generator.clone_state()  # the same for all labels: only the label tells them apart
        found = [
            model.estimate_log_likelihood(some, noise, labels=label.expand(len(some))) for some in images.split(AT_ONCE)
        ]
        log_likelihood, counts = (torch.cat(parts) for parts in zip(*found, strict=True))
        columns.append(log_likelihood)
        evaluations += float(counts.double().mean())
    how = f"{BOUND}: {model.likelihood_method}; {evaluations:.0f} evaluations of the network an image"
    return _alike(torch.stack(columns, dim=1), labels, how)


def _alike(by_class: Tensor, labels: Tensor, how: str) -> _Estimates:
    by_class = by_class.double().cpu()
    return _Estimates(by_class, by_class.gather(1, labels.cpu().unsqueeze(1)).squeeze(1), how, how.partition(": ")[2])


def _weighted(
    model: Any,
    images: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    settings: EvaluationSettings,
    track: Track,
) -> Evaluation:
    eight_bit = model.pixels == "8-bit"
    name, what = ("bits_per_dim", "draws of dequantization noise") if eight_bit else ("nll", "importance samples")
    most = settings.dequantization_samples if eight_bit else settings.importance_samples
    counts = powers(2 if eight_bit else 10, most)
    by_class, given = importance_weighted_by_class(
        model, images, labels, counts, generator, 100 if eight_bit else 1000, track
    )
    how, how_by_class = (f"log-mean-exp of {k} {what}" for k in (most, share_of_each(most, model)))
    found = _Estimates(by_class, given.log_likelihood[-1], f"{BOUND}: {how}", how_by_class)
    evaluation = _scores(model, images, labels, found, settings)
    x, per = protocol_of(model, images), math.log(2) * images[0].numel() if eight_bit else 1.0
    name = f"{name}_given_label"
    evaluation.curves[name] = curve_over(name, what, x, counts, -given.log_likelihood / per)
    if not eight_bit:
        elbo = given.elbo + log_prior(model)[labels.cpu()]
        how = f"estimate: mean over {most} {what}, of log p(x, y), a bound of log p(x) too"
        evaluation.scores = {"elbo": mean_score("elbo", elbo, x, how)} | evaluation.scores
        if isinstance(model, CanExplain):
            evaluation |= from_prior_scores(model, images, settings.prior_samples, generator, track, x)
    return evaluation
