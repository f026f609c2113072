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
    """One number of an evaluation."""

    value: float
    unit: str = ""  # in words; empty for a pure number
    better: Better | None = None  # which way; None where neither is
    # What was measured: on which pixels, of which and how many images, by which samples. Numbers of different protocols
    # do not compare; without one none does.
    protocol: str = ""
    standard_error: float | None = None  # of a mean over images
    floor: float | None = None  # what training images score in place of the samples; of a label accuracy, test images
    published: float | str | None = None  # what a paper reports for the same, or several in words
    # Said beside the number: `exact`, or in brief and at length, as `upper bound: log-mean-exp of 1000 samples`
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
    """A score of each class by itself, None where the class has too few images; see `Score`."""

    unit: str
    better: Better | None
    protocol: str
    values: list[float | None]
    floors: list[float | None]  # what real images of the class score


Counts = Annotated[Sequence[NonNegativeFloat], Field(min_length=2, max_length=10_000)]


@dataclass
class Evaluation:
    """What is known of a model's worth; parts are united by `|=`. Keys are names, unless it says otherwise."""

    genlab: str = ""  # its version
    model: str = ""
    data: str = ""
    seed: int | None = None
    checkpoint: str = ""
    quick: bool = False  # whether it is a first answer, by fewer images and samples
    scores: dict[str, Score] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)  # why there is no such score
    curves: dict[str, Curve] = field(default_factory=dict)
    features: Features = Features()
    classes: dict[str, Counts] = field(
        default_factory=dict
    )  # of `samples` and `test`, as the feature network sees them
    by_class: dict[str, ByClass] = field(default_factory=dict)
    # Of an accuracy: for each class that was asked for, how many samples were taken for each
    confusion: dict[str, Sequence[Counts]] = field(default_factory=dict)
    # Space → median distances to the nearest training image and shares of copies, of samples and of test images; and
    # `verdict`, in words
    memorisation: dict[str, dict[str, float] | str] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)  # files in the run folder
    # These are not in the file: samples and their nearest training images, (2, n, C, H, W) for each space in which they
    # were sought, and what was in the file and could not be taken
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
    """The Fréchet distance in the space of this name, over evaluations of the network for a sample.

    At each point so many samples were compared with so many test images.
    """
    protocol = f"{samples} samples against {images} test images: too few to compare with the score"
    return {(name := f"fid_{space}"): Curve(EVALUATIONS, quantity(name).unit, protocol, points)}


def evenly(images: "Tensor", n: int) -> "Tensor":
    """n images from beginning to end, or all if there are fewer: the first half of MNIST's test images is easier."""
    n = min(n, len(images))
    return images[[i * len(images) // n for i in range(n)]]
