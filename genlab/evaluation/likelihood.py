"""Estimates of log p(x), and of log p(x|y) for each label y."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import CanExplain
from genlab.evaluation.settings import Track, silently

IMAGES = 20  # at once
LATENTS = 1000  # of the prior, at once

BINARY = {"binary": "drawn once for each image", "cut": "cut at 0.5"}  # how the x of a Bernoulli likelihood is made


@dataclass(frozen=True)
class ImportanceWeighted:
    """What K importance samples say of each of B images, for several K, in nats, float64."""

    counts: tuple[int, ...]  # the K, rising
    # log 1/K Σ_k w_k of the first K samples, (len(counts), B): in expectation a bound of log p(x) that rises with K
    log_likelihood: Tensor
    elbo: Tensor  # the mean of log w over all samples, (B,): an estimate of the bound for K = 1


def importance_weighted(
    model: Any,
    images: Tensor,
    counts: Sequence[int],
    generator: torch.Generator,
    chunk: int = 1000,
    track: Track = silently,
    labels: Tensor | None = None,
) -> ImportanceWeighted:
    """Weights w_k = p(x, z_k) / q(z_k|x), z_k ~ q(z|x), in one pass that all K share: the sum runs on.

    Memory does not grow with K: about `chunk` pairs of an image and a sample are looked at at once, and no result
    depends on it beyond the order of the noise.

    Burda, Grosse & Salakhutdinov 2015, equation 8.

    Args:
        model: that `CanWeigh`, in evaluation mode.
        images: (B, C, H, W).
        counts: the K wanted, at least one.
        generator: of the noise, on the CPU.
        labels: y of the images, (B,), where the likelihood is p(x|y); the weights then are p(x, z_k|y) / q(z_k|x, y).
    """
    counts = tuple(sorted(counts))
    size, sums = max(1, min(chunk, IMAGES)), []
    for rows in track(torch.arange(len(images)).split(size), description="likelihood"):
        some, told = images[rows], {} if labels is None else {"labels": labels[rows]}
        weigh = partial(model.log_weights, some, **told)
        sums.append(_running_sums(weigh, len(some), counts, generator, chunk // len(some)))
    log_sums, totals = (torch.cat(some, dim=-1) for some in zip(*sums, strict=True))
    log_counts = torch.tensor(counts, dtype=torch.float64).log()
    return ImportanceWeighted(counts, log_sums - log_counts.unsqueeze(-1), totals / counts[-1])


def _running_sums(
    weigh: Callable[..., Tensor], n: int, counts: Sequence[int], generator: torch.Generator, at_once: int
) -> tuple[Tensor, Tensor]:
    """log Σ_k w_k up to each of the counts (len(counts), B), and Σ_k log w_k of all (B,)."""
    log_sum = torch.full((n,), -math.inf, dtype=torch.float64)
    total, done, log_sums = torch.zeros_like(log_sum), 0, []
    for count in counts:
        while done < count:
            samples = min(max(1, at_once), count - done)
            log_weights = weigh(samples, generator).double().cpu()
            log_sum = torch.logaddexp(log_sum, log_weights.logsumexp(0))
            total += log_weights.sum(0)
            done += samples
        log_sums.append(log_sum)
    return torch.stack(log_sums), total


def importance_weighted_by_class(
    model: Any,
    images: Tensor,
    labels: Tensor,
    counts: Sequence[int],
    generator: torch.Generator,
    chunk: int = 1000,
    track: Track = silently,
) -> tuple[Tensor, ImportanceWeighted]:
    """log p(x|y) for each y, (B, classes), of a share of the K samples each, and for the labels (B,), of all K.

    A classifier decides by the former: with more samples for the right label it would be told the answer. K is the last
    of the counts; see `importance_weighted`.
    """
    few, columns = [share_of_each(counts[-1], model)], []
    for label in track(list(torch.arange(model.num_classes).to(labels)), description="likelihood of each label"):
        noise, every = generator.clone_state(), label.expand(len(images))  # only the label tells them apart
        columns.append(importance_weighted(model, images, few, noise, chunk, labels=every).log_likelihood[0])
    return torch.stack(columns, dim=1), importance_weighted(model, images, counts, generator, chunk, track, labels)


def share_of_each(samples: int, model: Any) -> int:
    """Of K samples, those for each label."""
    return max(1, samples // model.num_classes)


def log_marginal(model: Any, by_class: Tensor, given: Tensor, labels: Tensor) -> Tensor:
    """log p(x) = log Σ_y p(y) p(x|y), (B,), of log p(x|y) for each y (B, classes) and, better, for the labels (B,)."""
    best = by_class.scatter(1, labels.cpu().unsqueeze(1), given.unsqueeze(1))
    return (best + log_prior(model)).logsumexp(1)


def log_prior(model: Any) -> Tensor:
    """log p(y), (classes,), float64 on the CPU."""
    found: Tensor = model.label_prior.double().cpu().log()
    return found


@dataclass(frozen=True)
class FromPrior:
    """What M latents of the prior say of each of B images."""

    # log 1/M Σ_m p(x|z_m), (B,), in nats: unbiased for p(x), so in expectation too low for log p(x)
    log_likelihood: Tensor
    # (Σ w)² / Σ w² of w_m = p(x|z_m), (B,): near 1, a single latent is the whole estimate, which then is worth nothing
    effective_samples: Tensor


def from_prior(
    model: CanExplain, images: Tensor, samples: int, generator: torch.Generator, track: Track = silently
) -> FromPrior:
    """The naive Monte Carlo estimate of log p(x) = log E_{z ~ N(0, I)} p(x|z); all images share the M latents.

    Args:
        model: in evaluation mode.
        images: (B, C, H, W).
        samples: M.
        generator: of the latents, on the CPU.
    """
    log_sum = torch.full((len(images),), -math.inf, dtype=torch.float64)
    log_sum_of_squares = log_sum.clone()
    for some in track(torch.arange(samples).split(LATENTS), description="likelihood from the prior"):
        z = torch.randn(len(some), model.latent_dim, generator=generator)
        log_likelihood = model.conditional_log_likelihood(images, z).double().cpu()
        log_sum = torch.logaddexp(log_sum, log_likelihood.logsumexp(0))
        log_sum_of_squares = torch.logaddexp(log_sum_of_squares, (2 * log_likelihood).logsumexp(0))
    return FromPrior(log_sum - math.log(samples), (2 * log_sum - log_sum_of_squares).exp())
