"""evaluation.json: one schema, which `genlab evaluate` writes and a report reads; it needs no torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, NonNegativeFloat

from genlab.quantities import Better, quantity

if TYPE_CHECKING:
    from torch import Tensor


EVALUATIONS = "evaluations of the network"  # for a sample; what the quality of samples is a curve over
SAMPLES_OF_A_POINT = 1000  # of that curve


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Attributes:
        value: the number.
        unit: in words; empty for a pure number.
        better: which way; None where neither is.
        protocol: what was measured: on which pixels, of which and how many images, by which samples. Numbers of
            different protocols do not compare; without one none does.
        estimator: how it was estimated, which is said beside the number: `exact`, or in brief and at length, as `upper
            bound: log-mean-exp of 1000 importance samples`.
        standard_error: of a mean over images.
        floor: what real training images score in place of the samples; of a label accuracy, test images.
        published: what a paper reports for the same, or several in words.
    """

    value: float
    unit: str = ""
    better: Better | None = None
    protocol: str = ""
    standard_error: float | None = None
    floor: float | None = None
    published: float | str | None = None
    estimator: str | None = None


@dataclass(frozen=True)
class Point:
    """Of a curve; the value is None where it is not finite."""

    x: float
    value: float | None
    standard_error: float | None = None


@dataclass(frozen=True)
class Curve:
    """A score over something that was varied, as the number of importance samples: `x` is its name."""

    x: str
    unit: str
    protocol: str
    points: list[Point]


@dataclass(frozen=True)
class Features:
    """The network in whose features samples were scored; scores by other weights do not compare."""

    name: str = ""
    sha256: str = ""
    test_accuracy: float | None = None


@dataclass(frozen=True)
class ByClass:
    """A score of each class by itself, None where the class has too few images; see `Score`.

    Attributes:
        floors: what real images of the class score.
    """

    unit: str
    better: Better | None
    protocol: str
    values: list[float | None]
    floors: list[float | None]


Counts = Annotated[Sequence[NonNegativeFloat], Field(min_length=2, max_length=10_000)]


@dataclass
class Evaluation:
    """What is known of a model's worth; parts are united by `|=`.

    Attributes:
        genlab, model, data, seed, checkpoint: the version, and what was evaluated.
        scores: name → score.
        absent: name → why there is no such score.
        curves: name → curve.
        features: see `Features`.
        classes: `samples` and `test` → how many of each class the feature network sees.
        by_class: name of a score → the same of each class by itself.
        confusion: name of an accuracy → for each class that was asked for, how many samples were taken for each.
        memorisation: space → median distances to the nearest training image and shares of copies, of samples and of
            test images; and `verdict`, in words.
        cost: name → number.
        quick: whether it is a first answer, by fewer images and samples.
        pictures: name → file in the run folder.
        pairs: (2, n, C, H, W) samples and their nearest training images, for each space in which they were sought; not
            in the file.
        faults: what was in the file and could not be taken; not in the file.
    """

    genlab: str = ""
    model: str = ""
    data: str = ""
    seed: int | None = None
    checkpoint: str = ""
    quick: bool = False
    scores: dict[str, Score] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    features: Features = Features()
    classes: dict[str, Counts] = field(default_factory=dict)
    by_class: dict[str, ByClass] = field(default_factory=dict)
    confusion: dict[str, Sequence[Counts]] = field(default_factory=dict)
    memorisation: dict[str, dict[str, float] | str] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    pairs: list["Tensor"] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __ior__(self, other: "Evaluation") -> "Evaluation":
        for part in fields(self):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            if isinstance(mine, dict):
                mine |= theirs
            elif isinstance(mine, list):
                mine += theirs
            elif theirs != part.default:
                setattr(self, part.name, theirs)
        return self

    def plain(self) -> dict[str, Any]:
        """For JSON; without what is None, and without parts that nothing was found for."""
        kept = {
            part.name: _plain(getattr(self, part.name)) for part in fields(self) if part.name not in ("pairs", "faults")
        }
        always = ("scores", "absent", "curves", "seed")
        return {name: value for name, value in kept.items() if name in always or value not in ("", {}, False)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Score | Features):
        plain = {name: item for name, item in asdict(value).items() if item is not None}
        return {} if value == Features() else plain
    return asdict(value) if isinstance(value, Curve | ByClass) else value


def mean_score(name: str, values: "Tensor", protocol: str, estimator: str | None = None, unit: str = "") -> Score:
    """The mean of a quantity of each image, (B,), with its standard error over images; the unit, if it has one here."""
    known = quantity(name)
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else None
    return Score(float(values.mean()), unit or known.unit, known.better, protocol, error, estimator=estimator)


def quality_curve(space: str, points: list[Point], samples: int, images: int) -> dict[str, Curve]:
    """The Fréchet distance in a space, with its name: a point for each number of evaluations of the network.

    Args:
        space: name of the space of features.
        points: the curve's.
        samples, images: how many samples of a point were compared with how many test images.
    """
    protocol = f"{samples} samples against {images} test images: too few to compare with the score"
    return {(name := f"fid_{space}"): Curve(EVALUATIONS, quantity(name).unit, protocol, points)}


def evenly(images: "Tensor", n: int) -> "Tensor":
    """n images from beginning to end, or all if there are fewer: the first half of MNIST's test images is easier."""
    n = min(n, len(images))
    return images[[i * len(images) // n for i in range(n)]]
