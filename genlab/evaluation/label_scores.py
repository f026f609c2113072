"""Does a conditional model draw what it is asked for?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from genlab.evaluation.feature_network import Described, Space
from genlab.evaluation.frechet import frechet_distance
from genlab.evaluation.neighbours import precision_recall_density_coverage
from genlab.evaluation.scores import ByClass, Evaluation, mean_score
from genlab.evaluation.settings import Track, silently
from genlab.quantities import LABEL_SCORES, quantity

LEAST = 2  # images of a class, of which a covariance can be had


@dataclass(frozen=True)
class Labels:
    """What samples are asked for, and the labels of the images that they are compared with.

    Attributes:
        prior: shares of the labels that are asked for, (classes,): those of the training images, so that samples come
            as these do.
        train, test: int64 (N,) and (M,).
    """

    prior: Tensor
    train: Tensor
    test: Tensor

    def ask(self, n: int, generator: torch.Generator) -> Tensor:
        """n labels (n,), drawn from the prior."""
        return torch.multinomial(self.prior.float().cpu(), n, replacement=True, generator=generator)


def label_scores(
    space: Space,
    described: Mapping[str, Described],
    images: tuple[Tensor, Tensor],
    asked: Tensor,
    labels: Labels,
    protocol: str,
    track: Track = silently,
) -> Evaluation:
    """Both label accuracies, and distances by class; or why there are none.

    Args:
        space: that of the images.
        described: what its network says of the samples, the test images and the training images, if there is one.
        images: samples (N, C, H, W) and test images (M, C, H, W), for the second classifier.
        asked: labels (N,).
        labels: of the real images.
        protocol: of the samples.
        track: shows progress.
    """
    if space.network is None:
        return Evaluation(absent=dict.fromkeys(LABEL_SCORES, space.lacking))
    first, second = LABEL_SCORES
    samples, test, train = described.values()
    evaluation = label_accuracy(first, asked, samples, labels.test, test, protocol, space.network.named)
    if space.second is None:
        evaluation.absent[second] = space.lacking
    else:
        by_second = [space.second.describe(some, track, "second classifier") for some in images]
        evaluation |= label_accuracy(
            second, asked, by_second[0], labels.test, by_second[1], protocol, space.second.named
        )
    evaluation |= distances_by_class(
        space.name, asked, samples.features, train.features, test.features, labels, protocol
    )
    return evaluation


def label_accuracy(
    name: str, asked: Tensor, samples: Described, labels: Tensor, real: Described, protocol: str, by: str
) -> Evaluation:
    """The share of samples that a classifier takes for what was asked, of all and of each class; the confusion matrix.

    Args:
        name: of the score.
        asked: labels (N,).
        samples: what the classifier says of the samples (N, …).
        labels: of the real images (M,). The floor is the classifier's accuracy on them: above it, it sees nothing.
        real: what it says of these.
        protocol: of the samples.
        by: the classifier, in words.
    """
    taken = samples.probabilities.argmax(-1)
    hits, real_hits = taken == asked, real.probabilities.argmax(-1) == labels
    floor = float(real_hits.double().mean())
    classes = range(samples.probabilities.shape[1])
    known = quantity(name)
    shares = [[_share(found[of == label]) for label in classes] for found, of in ((hits, asked), (real_hits, labels))]
    counts = torch.bincount(asked * len(classes) + taken, minlength=len(classes) ** 2).view(len(classes), -1)
    return Evaluation(
        scores={name: replace(mean_score(name, hits.double(), protocol, by), floor=floor)},
        by_class={name: ByClass(known.unit, known.better, protocol, *shares)},
        confusion={name: counts.tolist()},
    )


def distances_by_class(
    space: str, asked: Tensor, samples: Tensor, train: Tensor, test: Tensor, labels: Labels, protocol: str
) -> Evaluation:
    """The Fréchet distance and the coverage of each class: of those that were asked for it, to test images of it.

    The floor is that of as many training images of the class, or all there are.

    Args:
        space: name of the features.
        asked: labels (N,).
        samples, train, test: features (…, F).
        labels: of the real images.
        protocol: of the samples.
    """
    names = f"fid_{space}", "coverage"
    found: dict[str, tuple[list[float | None], list[float | None]]] = {name: ([], []) for name in names}
    for label in range(len(labels.prior)):
        real, drawn = test[labels.test == label], samples[asked == label]
        for place, features in enumerate((drawn, train[labels.train == label][: len(drawn)])):
            for name, value in zip(names, _distances(real, features), strict=True):
                found[name][place].append(value)
    return Evaluation(
        by_class={
            name: ByClass(quantity(name).unit, quantity(name).better, protocol, *values)
            for name, values in found.items()
        }
    )


def _distances(real: Tensor, features: Tensor) -> tuple[float | None, float | None]:
    if min(len(real), len(features)) < LEAST:
        return None, None
    return frechet_distance(real, features), precision_recall_density_coverage(real, features)["coverage"]


def _share(hits: Tensor) -> float | None:
    return float(hits.double().mean()) if len(hits) else None
