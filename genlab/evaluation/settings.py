"""How much an evaluation looks at, and how it says how far it is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Protocol, TypeVar

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class EvaluationSettings:
    """The protocol of an evaluation, which each score carries in words. Images are taken evenly from all."""

    samples: Annotated[int, Field(ge=100)] = 10_000  # how many are drawn; as many training images give the floor
    images: Annotated[int, Field(ge=100)] = 10_000  # test images that samples are compared with
    training_images: PositiveInt | None = None  # for the floor and the search of copies; None: all of them
    likelihood_images: PositiveInt = 1000  # test images whose likelihood is estimated
    importance_samples: PositiveInt = 5000  # K for log p(x) of binary pixels
    prior_samples: PositiveInt = 100_000  # M latents for the naive estimate of the same
    dequantization_samples: PositiveInt = 8  # K for log p(x) of 8-bit pixels
    # The curve of quality over evaluations of the network has a point for each, where samples take steps, and else one;
    # empty: no curve
    steps: Sequence[PositiveInt] = (2, 5, 10, 25, 50)
    # Samples come from a mixture of so many Gaussians fitted to the codes, and not from the model's own distribution.
    # None: so it is, with ten, for a model that has codes and no distribution
    ex_post: PositiveInt | None = None
    sampling: Mapping[str, int | float | str] | None = None  # options of `sample`, as steps, a temperature or guidance
    published_nll: PositiveFloat | None = None  # of a paper, for the same network and protocol; shown beside `nll`
    published_error: PositiveFloat | str | None = None  # alike, beside `classification_error`; several in words
    seed: NonNegativeInt = 0  # of all noise


T = TypeVar("T")


class Track(Protocol):
    """Gives a sequence's items out one by one, and shows how many are done; such is `rich.progress.Progress.track`."""

    def __call__(self, sequence: Sequence[T], *, description: str) -> Iterable[T]: ...


def silently(sequence: Sequence[T], *, description: str) -> Iterable[T]:
    """A `Track` that shows nothing."""
    return sequence
