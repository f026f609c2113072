"""The space in which the quality of samples is measured: features of a classifier of MNIST digits."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import torch
from safetensors.torch import load
from torch import Tensor

from genlab.evaluation.settings import Track, silently
from genlab.networks.digit_classifier import DigitClassifier

WEIGHTS = "mnist_classifier.safetensors"
BATCH = 500  # always the same: the kernels, and with them the last digits, depend on it


@dataclass(frozen=True)
class Described:
    """What the network says of N images.

    Attributes:
        features: of the penultimate layer, (N, 128).
        probabilities: of the ten digits, (N, 10).
    """

    features: Tensor
    probabilities: Tensor


class FeatureNetwork:
    """The classifier of the package, trained by `genlab.evaluation.train_classifier`.

    Attributes:
        sha256: of the file of the weights. Scores in different features compare with nothing.
        test_accuracy: on the official test images.
    """

    def __init__(self) -> None:
        path = files("genlab.evaluation") / WEIGHTS
        content = path.read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        header = int.from_bytes(content[:8], "little")
        facts = json.loads(json.loads(content[8 : 8 + header])["__metadata__"]["genlab"])
        self.test_accuracy = float(facts["test_accuracy"])
        self.network = DigitClassifier().eval().requires_grad_(False)
        self.network.load_state_dict(load(content))

    def describe(self, images: Tensor, track: Track = silently, what: str = "features") -> Described:
        """Images (N, 1, 28, 28), float in [0, 1] or uint8, on any device; `track` shows progress as that of `what`."""
        scale = 1 if images.is_floating_point() else 255
        parts = track(images.split(BATCH), description=what)
        features = [self.network.features(some.cpu().float() / scale) for some in parts]
        probabilities = [self.network.output(some).softmax(-1) for some in features]
        return Described(torch.cat(features), torch.cat(probabilities))


@cache
def feature_network() -> FeatureNetwork:
    """The one of this process."""
    return FeatureNetwork()
