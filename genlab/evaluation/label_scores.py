"""Does a conditional model draw what it is asked for?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from genlab.evaluation.distances import frechet_distance
from genlab.evaluation.feature_network import Described, Space
from genlab.evaluation.neighbours import precision_recall_density_coverage
from genlab.evaluation.scores import ByClass, Evaluation, mean_score
from genlab.evaluation.settings import Track, silently
from genlab.quantities import LABEL_SCORES, quantity

LEAST = 2  # images of a class, of which a covariance can be had


@dataclass(frozen=True)
class Labels:
    """What samples are asked for, and the labels of the images that they are compared with."""

    prior: Tensor  # shares of the labels that are asked for, (classes,): those of training, so that samples come alike
    train: Tensor  # int64 (N,)
    test: Tensor  # int64 (M,)

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
        images: samples (N, C, H, W), asked for by labels (N,), and test images (M, C, H, W), for the second classifier.
        labels: of the real images.
        protocol: of the samples.
    """
    if space.network is None:
        return Evaluation(absent=dict.fromkeys(LABEL_SCORES, space.lacking))
    (first, second), (samples, test, train) = LABEL_SCORES, described.values()
    evaluation = label_accuracy(first, asked, samples, labels.test, test, protocol, space.network.named)
    if space.second is None:
        evaluation.absent[second] = space.lacking
    else:
        drawn, real = (space.second.describe(some, track, "second classifier") for some in images)
        evaluation |= label_accuracy(second, asked, drawn, labels.test, real, protocol, space.second.named)
    features = samples.features, train.features, test.features
    evaluation |= _distances_by_class(space.name, asked, *features, labels, protocol)
    return evaluation


def label_accuracy(
    name: str, asked: Tensor, samples: Described, labels: Tensor, real: Described, protocol: str, by: str
) -> Evaluation:
    """The share of samples that a classifier takes for what was asked, of all and of each class; the confusion matrix.

    The floor is the classifier's accuracy on real images: above it, it sees nothing.

    Args:
        name: of the score.
        asked, samples: labels (N,), and what the classifier says of their samples (N, …).
        labels, real: the same of real images, (M,) and (M, …).
        protocol: of the samples.
        by: the classifier, in words.
    """
    taken = samples.probabilities.argmax(-1)
    hits, real_hits = taken == asked, real.probabilities.argmax(-1) == labels
    classes = range(samples.probabilities.shape[1])
    shares = [[_share(found[of == label]) for label in classes] for found, of in ((hits, asked), (real_hits, labels))]
    counts = torch.bincount(asked * len(classes) + taken, minlength=len(classes) ** 2).view(len(classes), -1)
    score = mean_score(name, hits.double(), protocol, by)
    return Evaluation(
        scores={name: replace(score, floor=_share(real_hits))},
        by_class={name: ByClass(score.unit, score.better, protocol, *shares)},
        confusion={name: counts.tolist()},
    )


def _share(hits: Tensor) -> float | None:
    return float(hits.double().mean()) if len(hits) else None


def _distances_by_class(
    space: str, asked: Tensor, samples: Tensor, train: Tensor, test: Tensor, labels: Labels, protocol: str
) -> Evaluation:
    """The Fréchet distance and the coverage of each class: of those that were asked for it, to test images of it.

    The floor is that of as many training images of the class, or all there are.
    """
    values, floors = [], []
    for label in range(len(labels.prior)):
        real, drawn = test[labels.test == label], samples[asked == label]
        values.append(_distances(real, drawn))
        floors.append(_distances(real, train[labels.train == label][: len(drawn)]))
    by_class = {}
    for index, name in enumerate((f"fid_{space}", "coverage")):
        known = quantity(name)
        both = ([found[index] for found in part] for part in (values, floors))
        by_class[name] = ByClass(known.unit, known.better, protocol, *both)
    return Evaluation(by_class=by_class)


def _distances(real: Tensor, features: Tensor) -> tuple[float | None, float | None]:
    if min(len(real), len(features)) < LEAST:
        return None, None
    return frechet_distance(real, features), precision_recall_density_coverage(real, features)["coverage"]
