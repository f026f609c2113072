"""A number, and what one must know to read it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Attributes:
        value: the number.
        unit: in words; empty for a pure number.
        better: which way; None where neither is.
        protocol: how it was measured. Numbers of different protocols do not compare.
        standard_error: of a mean over images.
        floor: what real training images score in place of the samples.
        published: what a paper reports for the same.
    """

    value: float
    unit: str
    better: Better | None
    protocol: str
    standard_error: float | None = None
    floor: float | None = None
    published: float | None = None


def mean_score(values: Tensor, unit: str, better: Better, protocol: str) -> Score:
    """The mean of a value for each image, (B,), with its standard error over images."""
    error = values.std() / len(values) ** 0.5 if len(values) > 1 else None
    return Score(float(values.mean()), unit, better, protocol, None if error is None else float(error))


@dataclass
class Evaluation:
    """What is known of a model's worth; parts are united by `|=`.

    Attributes:
        scores: name → score.
        absent: name → why there is no such score.
        curves: name → what the curve shows, and its points.
        more: everything else, for evaluation.json.
        pairs: (2, n, C, H, W) samples and their nearest training images, for each space in which they were sought.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    pairs: list[Tensor] = field(default_factory=list)

    def __ior__(self, other: "Evaluation") -> "Evaluation":
        self.scores |= other.scores
        self.absent |= other.absent
        self.curves |= other.curves
        self.more |= other.more
        self.pairs += other.pairs
        return self

    def plain(self) -> dict[str, Any]:
        """For JSON; without what is None."""
        scores = {
            name: {key: value for key, value in asdict(score).items() if value is not None}
            for name, score in self.scores.items()
        }
        return {"scores": scores, "absent": self.absent, "curves": self.curves, **self.more}


def evenly(images: Tensor, n: int) -> Tensor:
    """n images from beginning to end, or all if there are fewer: the first half of MNIST's test images is easier."""
    n = min(n, len(images))
    return images[torch.arange(n) * len(images) // n]
