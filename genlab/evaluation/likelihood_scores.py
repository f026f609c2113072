"""The likelihood of test images, for models that have one."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from genlab.capabilities import CanEstimateLikelihood, CanExplain, CanSample, CanWeigh, HasLikelihood
from genlab.evaluation.likelihood import BINARY, ImportanceWeighted, from_prior, importance_weighted
from genlab.evaluation.scores import Curve, Evaluation, Point, mean_score
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.quantities import quantity

AT_ONCE = 100  # images, where the likelihood is exact
EXACT, BOUND = "exact", "upper bound"  # a bound in expectation


def likelihood_scores(
    model: object, images: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """nll of binary pixels, or bits_per_dim of 8-bit ones, with the curve over K; or why there is none.

    Args:
        model: in evaluation mode.
        images: test images (B, C, H, W) in [0, 1], on the model's device.
        settings: how many samples are drawn.
        track: shows progress.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    if isinstance(model, HasLikelihood):
        return _exact(model, images, settings, track)
    if isinstance(model, CanEstimateLikelihood):
        return _estimated(model, images, generator, track)
    if not isinstance(model, CanWeigh):
        why = (
            "samples can be drawn, but the model has no density that could be evaluated"
            if isinstance(model, CanSample)
            else "the model has no distribution of images"
        )
        return Evaluation(absent={"nll": why, "bits_per_dim": why})
    if model.pixels == "grey":
        why = "grey pixels in a Bernoulli distribution have no likelihood"
        return Evaluation(absent={"nll": why, "bits_per_dim": why})
    if model.pixels == "8-bit":
        counts = powers(2, settings.dequantization_samples)
        estimate = importance_weighted(model, images, counts, generator, chunk=100, track=track)
        return _bits_per_dim(estimate, images, protocol_of(model, images))
    counts = powers(10, settings.importance_samples)
    estimate = importance_weighted(model, images, counts, generator, track=track)
    evaluation = _nll(estimate, protocol_of(model, images))
    evaluation.scores["nll"] = replace(evaluation.scores["nll"], published=settings.published_nll)
    if isinstance(model, CanExplain):
        x = protocol_of(model, images)
        evaluation |= from_prior_scores(model, images, settings.prior_samples, generator, track, x)
    return evaluation


def _exact(model: HasLikelihood, images: Tensor, settings: EvaluationSettings, track: Track) -> Evaluation:
    parts = track(images.split(AT_ONCE), description="likelihood")
    nll = -torch.cat([model.exact_log_likelihood(some).double().cpu() for some in parts])
    if model.pixels == "8-bit":
        bits = nll / (math.log(2) * images[0].numel())
        score = mean_score("bits_per_dim", bits, protocol_of(model, images), EXACT)
        absent = {"nll": "the likelihood is of 8-bit pixels: see bits_per_dim"}
        return Evaluation(scores={"bits_per_dim": score}, absent=absent)
    score = replace(mean_score("nll", nll, protocol_of(model, images), EXACT), published=settings.published_nll)
    absent = {"bits_per_dim": "the likelihood is of binary pixels: see nll"}
    return Evaluation(scores={"nll": score}, absent=absent)


def _estimated(model: CanEstimateLikelihood, images: Tensor, generator: torch.Generator, track: Track) -> Evaluation:
    parts = track(images.split(AT_ONCE), description="likelihood")
    found = [model.estimate_log_likelihood(some, generator) for some in parts]
    log_likelihood, evaluations = (
        torch.cat([part.double().cpu() for part in parts]) for parts in zip(*found, strict=True)
    )
    bits = -log_likelihood / (math.log(2) * images[0].numel())
    counted = f"{evaluations.mean():.0f} evaluations of the network an image"
    how = f"{BOUND}: {model.likelihood_method}; {counted}"
    absent = {"nll": "the likelihood is of 8-bit pixels: see bits_per_dim"}
    score = mean_score("bits_per_dim", bits, protocol_of(model, images), how)
    return Evaluation(scores={"bits_per_dim": score}, absent=absent)


def _nll(estimate: ImportanceWeighted, x: str) -> Evaluation:
    nll = -estimate.log_likelihood
    k = f"{estimate.counts[-1]} importance samples"
    return Evaluation(
        scores={
            "elbo": mean_score("elbo", estimate.elbo, x, f"estimate: mean over {k}"),
            "nll": mean_score("nll", nll[-1], x, f"{BOUND}: log-mean-exp of {k}"),
        },
        absent={"bits_per_dim": "the likelihood is of binary pixels: see nll"},
        curves={"nll": curve_over("nll", "importance samples", x, estimate.counts, nll)},
    )


def _bits_per_dim(estimate: ImportanceWeighted, images: Tensor, x: str) -> Evaluation:
    bits = -estimate.log_likelihood / (math.log(2) * images[0].numel())
    how = f"{BOUND}: log-mean-exp of {estimate.counts[-1]} draws of dequantization noise"
    return Evaluation(
        scores={"bits_per_dim": mean_score("bits_per_dim", bits[-1], x, how)},
        absent={"nll": "the likelihood is of 8-bit pixels: see bits_per_dim"},
        curves={"bits_per_dim": curve_over("bits_per_dim", "draws of dequantization noise", x, estimate.counts, bits)},
    )


def from_prior_scores(
    model: CanExplain, images: Tensor, samples: int, generator: torch.Generator, track: Track, x: str
) -> Evaluation:
    estimate = from_prior(model, images, samples, generator, track)
    of_prior = f"{samples} latents of the prior"
    return Evaluation(
        scores={
            "nll_from_prior": mean_score(
                "nll_from_prior", -estimate.log_likelihood, x, f"{BOUND}: log-mean-exp of {of_prior}"
            ),
            "prior_effective_samples": mean_score(
                "prior_effective_samples", estimate.effective_samples, f"{x}; {of_prior}", unit=f"of {samples}"
            ),
        }
    )


def protocol_of(model: CanWeigh | HasLikelihood | CanEstimateLikelihood, images: Tensor) -> str:
    """What likelihoods must have in common to be compared, on one data set."""
    kind = f"binary pixels, {BINARY[model.pixels]}" if model.pixels in BINARY else f"{model.pixels} pixels"
    return f"{kind}; {len(images)} test images"


def curve_over(name: str, x: str, protocol: str, counts: Sequence[int], values: Tensor) -> Curve:
    means = [(k, mean_score(name, row, protocol)) for k, row in zip(counts, values, strict=True)]
    return Curve(x, quantity(name).unit, protocol, [Point(k, mean.value, mean.standard_error) for k, mean in means])


def powers(base: int, most: int) -> list[int]:
    """1, base, base², … below `most`, and `most`: 1, 10, 100, 1000, 5000."""
    exponents = range(most.bit_length())
    return [base**exponent for exponent in exponents if base**exponent < most] + [most]
