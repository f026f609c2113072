"""The quality of samples, for every model that can draw some, on one protocol."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from genlab.errors import NonFiniteError
from genlab.evaluation.digits import count_digits
from genlab.evaluation.feature_network import BATCH, Described, feature_network
from genlab.evaluation.frechet import frechet_distance
from genlab.evaluation.kernel import kernel_distance
from genlab.evaluation.memorisation import Nearest, nearest, verdict
from genlab.evaluation.neighbours import DENSITY_K, precision_recall_density_coverage
from genlab.evaluation.scores import Evaluation, Features, Score
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.quantities import quantity

Sampler = Callable[[int, torch.Generator], Tensor]

PAIRS = 10  # in the picture


def sample_scores(
    sample: Sampler, whose: str, train: Tensor, test: Tensor, settings: EvaluationSettings, track: Track = silently
) -> Evaluation:
    """Distances, overlap, digits and memorisation of samples against test images.

    The floor of a score is what as many training images, or all there are, get in the place of the samples.

    Args:
        sample: (n, generator) → images (n, 1, 28, 28) in [0, 1].
        whose: what the samples are drawn from, for the protocol.
        train: training images, uint8 (N, 1, 28, 28).
        test: test images, alike.
        settings: how many samples.
        track: shows progress.

    Raises:
        NonFiniteError: a sample has a pixel that is no number.
    """
    n, generator = settings.samples, torch.Generator().manual_seed(settings.seed)
    samples, seconds = draw(sample, n, generator, track)
    network = feature_network()
    of_samples = network.describe(samples, track, "features of the samples")
    of_test = network.describe(test, track, "features of the test images")
    of_train = network.describe(train, track, "features of the training images")
    # a generator of its own, so that every model has the same floor
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(settings.seed))[:n]
    floor = Described(of_train.features[chosen], of_train.probabilities[chosen])

    protocol = f"{n} samples from {whose} against {len(test)} test images"
    if len(chosen) < n:
        protocol += f"; floor of {len(chosen)} training images"
    if len(test) <= DENSITY_K:
        protocol += f"; neighbours: {len(test) - 1} at most"
    values, floors = (dict[str, float](), dict[str, float]())
    for described, found in track([(of_samples, values), (floor, floors)], description="distances"):
        found |= _distances(of_test.features, described)
    copies = {"pixels": (samples, train, test), "features": (of_samples.features, of_train.features, of_test.features)}
    evaluation = Evaluation()
    found_nearest: dict[str, tuple[Nearest, Nearest]] = {}
    for space, (queries, among, others) in track(list(copies.items()), description="nearest training images"):
        found_nearest[space] = nearest(queries, among), nearest(others, among)
        closest = found_nearest[space][0].distances[:, 0].argsort()[:PAIRS]
        rows = found_nearest[space][0].rows[closest, 0]
        evaluation.pairs.append(torch.stack([samples[closest], train[rows].float() / 255]))
    values["copied_share"], floors["copied_share"] = (found.copied_share for found in found_nearest["pixels"])
    values["samples_per_second"] = n / seconds
    evaluation.scores = {
        name: Score(value, quantity(name).unit, quantity(name).better, protocol, floor=floors.get(name))
        for name, value in values.items()
    }
    evaluation.digits = {
        name: count_digits(described.probabilities).counts
        for name, described in (("samples", of_samples), ("test", of_test))
    }
    evaluation.features = Features("MNIST classifier, penultimate layer", network.sha256, network.test_accuracy)
    evaluation.memorisation = _memorisation(found_nearest)
    return evaluation


def draw(sample: Sampler, n: int, generator: torch.Generator, track: Track = silently) -> tuple[Tensor, float]:
    """n samples (n, 1, 28, 28), float32 on the CPU, drawn in chunks, and the seconds that it took.

    Raises:
        NonFiniteError: a sample has a pixel that is no number.
    """
    started = time.perf_counter()
    parts = track(torch.arange(n).split(BATCH), description="samples")
    chunks = [sample(len(rows), generator).float().cpu() for rows in parts]
    seconds = time.perf_counter() - started
    samples = torch.cat(chunks)
    if not samples.isfinite().all():
        raise NonFiniteError(
            "the samples have pixels that are no numbers: training has diverged; take another checkpoint"
        )
    return samples, seconds


def _distances(real: Tensor, described: Described) -> dict[str, float]:
    digits = count_digits(described.probabilities)
    return {
        "fid_mnist": frechet_distance(real, described.features),
        "kid_mnist": kernel_distance(real, described.features),
        **precision_recall_density_coverage(real, described.features),
        "class_entropy": digits.class_entropy,
        "digits_covered": digits.digits_covered,
        "confidence": digits.confidence,
    }


def _memorisation(found: dict[str, tuple[Nearest, Nearest]]) -> dict[str, dict[str, float] | str]:
    copied = [space for space, (samples, test) in found.items() if verdict(samples, test)]
    words = (
        f"samples are copies of training images (found in {' and '.join(copied)})"
        if copied
        else "no sign of copies of training images"
    )
    spaces = {
        space: {
            "samples": samples.median_distance,
            "test": test.median_distance,
            "copied_share": samples.copied_share,
            "test_copied_share": test.copied_share,
        }
        for space, (samples, test) in found.items()
    }
    return {**spaces, "verdict": words}
