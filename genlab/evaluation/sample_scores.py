"""The quality of samples, for every model that can draw some, on one protocol."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from genlab.errors import NonFiniteError
from genlab.evaluation.distances import frechet_distance, kernel_distance
from genlab.evaluation.feature_network import BATCH, Described, Space
from genlab.evaluation.label_scores import Labels, label_scores
from genlab.evaluation.memorisation import Nearest, nearest, verdict
from genlab.evaluation.neighbours import DENSITY_K, precision_recall_density_coverage
from genlab.evaluation.scores import SAMPLES_OF_A_POINT, Evaluation, Features, Point, Score, quality_curve
from genlab.evaluation.settings import EvaluationSettings, Track, silently
from genlab.quantities import quantity, score_names

Sampler = Callable[..., Tensor]  # (n, generator), and labels=… where classes can be asked for

PAIRS = 10  # in the picture


def sample_scores(
    sample: Sampler,
    whose: str,
    space: Space,
    train: Tensor,
    test: Tensor,
    settings: EvaluationSettings,
    track: Track = silently,
    labels: Labels | None = None,
    evaluations: int | None = None,
) -> Evaluation:
    """Distances, overlap, classes and memorisation of samples against test images.

    The floor of a score is what as many training images, or all there are, get in the place of the samples. Without a
    feature network there is what needs none: copies in pixels, and the speed.

    Args:
        sample: (n, generator) → images (n, C, H, W) in [0, 1].
        whose: what the samples are drawn from, for the protocol.
        space: that of the images.
        train: training images, uint8 (N, C, H, W).
        test: test images, alike.
        settings: how many samples.
        track: shows progress.
        labels: of a model that is asked for classes; None: it is not asked.
        evaluations: of the network for a sample, the one point of the curve of quality over these; None: no curve.

    Raises:
        NonFiniteError: a sample has a pixel that is no number.
    """
    n, generator = settings.samples, torch.Generator().manual_seed(settings.seed)
    asked = None if labels is None else labels.ask(n, generator)
    samples, seconds = draw(sample, n, generator, track, asked)
    protocol = f"{n} samples from {whose} against {len(test)} test images"
    if len(train) < n:
        protocol += f"; floor of {len(train)} training images"
    if settings.training_images is not None:
        protocol += f"; copies sought in {len(train)} training images"
    if len(test) <= DENSITY_K:
        protocol += f"; neighbours: {len(test) - 1} at most"
    compared, described = {"pixels": (samples, train, test)}, dict[str, Described]()
    evaluation, values, floors, units = Evaluation(), dict[str, float](), dict[str, float](), dict[str, str]()
    if (network := space.network) is not None:
        described = {
            name: network.describe(images, track, f"features of the {name}")
            for name, images in (("samples", samples), ("test images", test), ("training images", train))
        }
        of_samples, of_test, of_train = described.values()
        # a generator of its own, so that every model has the same floor
        chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(settings.seed))[:n]
        floor = Described(of_train.features[chosen], of_train.probabilities[chosen])
        for some, found in track([(of_samples, values), (floor, floors)], description="distances"):
            found |= _distances(of_test.features, some, space.name, network.labelled)
        if evaluations is not None:
            few = of_samples.features[:SAMPLES_OF_A_POINT]
            points = [Point(evaluations, frechet_distance(of_test.features, few))]
            evaluation.curves = quality_curve(space.name, points, len(few), len(test))
        compared["features"] = (of_samples.features, of_train.features, of_test.features)
        evaluation.features = Features(f"{network.title}, penultimate layer", network.sha256, network.test_accuracy)
        if network.labelled:
            counted = {"samples": of_samples, "test": of_test}
            evaluation.classes = {name: some.class_counts.tolist() for name, some in counted.items()}
            classes = of_test.probabilities.shape[1]
            units = {"class_entropy": f"nats, {math.log(classes):.3f} is even", "classes_covered": f"of {classes}"}
    found_nearest: dict[str, tuple[Nearest, Nearest]] = {}
    for kind, (queries, among, others) in track(list(compared.items()), description="nearest training images"):
        of_queries = nearest(queries, among)
        found_nearest[kind] = of_queries, nearest(others, among)
        closest = of_queries.distances[:, 0].argsort()[:PAIRS]
        evaluation.pairs.append(torch.stack([samples[closest], train[of_queries.rows[closest, 0]].float() / 255]))
    values["copied_share"], floors["copied_share"] = (found.copied_share for found in found_nearest["pixels"])
    values["samples_per_second"] = n / seconds
    for name, value in values.items():
        known = quantity(name)
        unit = units.get(name, known.unit)
        evaluation.scores[name] = Score(value, unit, known.better, protocol, floor=floors.get(name))
    why = space.lacking if network is None else "the images have no labels"
    evaluation.absent = {name: why for name in score_names(space.name) if name not in values}
    evaluation.memorisation = _memorisation(found_nearest)
    if labels is not None and asked is not None:
        evaluation |= label_scores(space, described, (samples, test), asked, labels, protocol, track)
    return evaluation


def draw(
    sample: Sampler, n: int, generator: torch.Generator, track: Track = silently, labels: Tensor | None = None
) -> tuple[Tensor, float]:
    """n samples (n, C, H, W), float32 on the CPU, drawn in chunks, and the seconds that it took.

    Where labels (n,) are given they are asked for.

    Raises:
        NonFiniteError: a sample has a pixel that is no number.
    """
    started = time.perf_counter()
    chunks = []
    for rows in track(torch.arange(n).split(BATCH), description="samples"):
        asked = {} if labels is None else {"labels": labels[rows]}
        chunks.append(sample(len(rows), generator, **asked).float().cpu())
    seconds = time.perf_counter() - started
    samples = torch.cat(chunks)
    if not samples.isfinite().all():
        raise NonFiniteError(
            "the samples have pixels that are no numbers: training has diverged; take another checkpoint"
        )
    return samples, seconds


def _distances(real: Tensor, described: Described, space: str, labelled: bool) -> dict[str, float]:
    return {
        f"fid_{space}": frechet_distance(real, described.features),
        f"kid_{space}": kernel_distance(real, described.features),
        **precision_recall_density_coverage(real, described.features),
        **(described.class_scores if labelled else {}),
    }


def _memorisation(found: dict[str, tuple[Nearest, Nearest]]) -> dict[str, dict[str, float] | str]:
    copied = [space for space, (samples, test) in found.items() if verdict(samples, test)]
    words = "no sign of copies of training images"
    if copied:
        words = f"samples are copies of training images (found in {' and '.join(copied)})"
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
