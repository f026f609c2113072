"""The space in which the quality of samples is measured: features of a classifier of the same kind of images."""

import hashlib
import json
import shlex
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import cache_folder
from genlab.errors import DataError
from genlab.evaluation.settings import Track, silently
from genlab.networks.image_classifier import ImageClassifier
from genlab.networks.image_mixer import ImageMixer

WEIGHTS, SECOND_WEIGHTS = "mnist_classifier.safetensors", "mnist_second_classifier.safetensors"
MNIST = {
    "title": "MNIST classifier",
    "labelled": True,
    "image_shape": [1, 28, 28],
    "classes": 10,
    "architecture": "convolutional",
}
Classifier = ImageClassifier | ImageMixer
ARCHITECTURES: dict[str, type[Classifier]] = {"convolutional": ImageClassifier, "mixer": ImageMixer}
COVERED = 0.1  # of an even share
BATCH = 250  # as fast as it gets on a CPU; always the same, since the last digits depend on the kernels


@dataclass(frozen=True)
class Described:
    """What the network says of N images."""

    features: Tensor  # of the penultimate layer, (N, 128); of the second classifier, (N, 96)
    probabilities: Tensor  # of the classes, (N, classes)

    @property
    def class_counts(self) -> Tensor:
        """How many images are taken for each class, (classes,)."""
        return torch.bincount(self.probabilities.argmax(-1), minlength=self.probabilities.shape[1])

    @property
    def class_scores(self) -> dict[str, float]:
        """How evenly the classes come, and how surely.

        `class_entropy` is that of the shares, in nats, ln 10 = 2.303 where ten classes come evenly; `classes_covered`
        are those with at least a tenth of an even share; `confidence` is the mean of the highest probability.
        """
        n, classes = self.probabilities.shape
        shares = self.class_counts.double() / n
        return {
            "class_entropy": float(torch.special.entr(shares).sum()),
            "classes_covered": int((shares >= COVERED / classes).sum()),
            "confidence": float(self.probabilities.double().max(-1).values.mean()),
        }


class FeatureNetwork:
    """A classifier as it stands in a file, of which this is the content: see `packed`."""

    def __init__(self, content: bytes) -> None:
        self.sha256 = hashlib.sha256(content).hexdigest()  # scores in the features of another file do not compare
        header = int.from_bytes(content[:8], "little")
        facts = MNIST | json.loads(json.loads(content[8 : 8 + header])["__metadata__"]["genlab"])
        self.title: str = facts["title"]  # what it classifies, in words
        self.labelled: bool = facts["labelled"]  # whether by the images' labels, or by turns: see `feature_training`
        self.test_accuracy = float(facts["test_accuracy"])
        with torch.device("meta"):  # draws no weights, so that the random numbers of a training stay what they were
            network = ARCHITECTURES[facts["architecture"]](facts["image_shape"], facts["classes"])
        self.network = network.eval().requires_grad_(False)
        self.network.load_state_dict(load(content), assign=True)
        self.network.to(memory_format=torch.channels_last)  # convolutions on a CPU take 0.6 of the time

    @property
    def named(self) -> str:
        """In words, for the protocol."""
        return f"classifier: {self.title}, SHA-256 {self.sha256[:12]}"

    def describe(self, images: Tensor, track: Track = silently, what: str = "features") -> Described:
        """Images (N, C, H, W), float in [0, 1] or uint8, on any device; `track` shows progress as that of `what`."""
        scale = 1 if images.is_floating_point() else 255
        parts = track(images.split(BATCH), description=what)
        features = [self.network.features(some.cpu().float() / scale) for some in parts]
        probabilities = [self.network.output(some).softmax(-1) for some in features]
        return Described(torch.cat(features), torch.cat(probabilities))


@dataclass(frozen=True)
class Space:
    """Where samples of a data set are compared with its images."""

    name: str  # behind `fid_`, as `mnist`
    network: FeatureNetwork | None  # None, where none has been trained
    lacking: str = ""  # why there is none, or no second one, and the command that trains it
    second: FeatureNetwork | None = None  # classifies too, so that no model is judged by a single network


@cache
def mnist_network(weights: str = WEIGHTS) -> FeatureNetwork:
    """The one that comes with the package; by `SECOND_WEIGHTS`, the second classifier."""
    return FeatureNetwork((files("genlab.evaluation") / weights).read_bytes())


def space_of(data: ImageDataModule) -> Space:
    """The space of a data set that is set up: MNIST's network, or what `genlab features` has left in the cache.

    Raises:
        DataError: its file is damaged.
    """
    if data.source == "mnist":
        return Space(data.space, mnist_network(), second=mnist_network(SECOND_WEIGHTS))
    network, second = _kept(data, second=False), _kept(data, second=True)
    command = shlex.join(["genlab", "features", *data.overrides])
    which = "second classifier" if network else "feature network"
    return Space(data.space, network, f"no {which} of these images has been trained yet; {command} does it", second)


def packed(network: Classifier, data: ImageDataModule, labelled: bool, test_accuracy: float, epochs: int) -> bytes:
    """The file of a feature network: safetensors, with what `FeatureNetwork` says of it, and how it was trained."""
    second = isinstance(network, ImageMixer)
    named = f"{'second ' if second else ''}{data.space} classifier"
    facts = {
        "title": named if labelled else f"classifier of turned {data.space}",
        "labelled": labelled,
        "image_shape": data.image_shape,
        "classes": network.output.out_features,
        "architecture": "mixer" if second else "convolutional",
        "test_accuracy": test_accuracy,
        "trained": f"{epochs} epochs on {len(data.train_set)} training images",
    }
    return save(network.state_dict(), {"genlab": json.dumps(facts)})


def place_of(data: ImageDataModule, content: bytes, second: bool = False, folder: Path | None = None) -> Path:
    """Where a file is kept, in genlab's cache or the folder: named after its space, the images and its own SHA-256."""
    name = f"{_name(data, second)}-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    return (folder or cache_folder() / "features") / name


def _kept(data: ImageDataModule, second: bool) -> FeatureNetwork | None:
    """What was put at `place_of` in the cache."""
    paths = sorted((cache_folder() / "features").glob(f"{_name(data, second)}-*.safetensors"))
    if not paths:
        return None
    try:
        network = FeatureNetwork(paths[0].read_bytes())
        if not paths[0].stem.endswith(network.sha256[:16]):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        raise DataError(f"{paths[0]}: damaged; delete it, and genlab features makes it anew") from None
    return network


def _name(data: ImageDataModule, second: bool) -> str:
    return f"{'second-' if second else ''}{data.space}-{data.images['fingerprint']}"
