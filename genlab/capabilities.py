"""What a model can do, asked for by callbacks and evaluation instead of its class.

A model has a method when the mathematics gives it one: a plain autoencoder has no prior, so it cannot sample.
`isinstance(model, CanSample)` asks.
"""

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeGuard, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor

from genlab.quantities import Quantity, quantity


@runtime_checkable
class CanSample(Protocol):
    """Draws from a distribution over images."""

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, C, H, W) in [0, 1]; a CPU generator fixes the noise."""


@runtime_checkable
class CanSampleLabels(Protocol):
    """Draws from p(x | y), a distribution over images for each label y in 0, …, num_classes − 1, if it is conditional.

    Attributes:
        conditional: whether it is; else there are no labels to give.
        num_classes: how many labels there are.
    """

    conditional: bool
    num_classes: int

    @property
    def label_prior(self) -> Tensor:
        """p(y), (num_classes,), on the model's device and in its checkpoint: uniform, until training fills it in."""

    def sample(self, n: int, generator: torch.Generator | None = None, *, labels: Tensor | None = None) -> Tensor:
        """See `CanSample`: of labels (n,); without, of labels that the same generator draws from p(y), after the noise.

        Raises:
            ConfigError: the model is not conditional, or these are not n of its labels.
        """


def draws_labels(model: object) -> TypeGuard[CanSampleLabels]:
    """Whether images of a label can be drawn."""
    return isinstance(model, CanSampleLabels) and model.conditional


@runtime_checkable
class LearnsFromFewLabels(Protocol):
    """Has a classifier q(y|x), and learns it from the few training images that have a label, if it is told how many.

    Attributes:
        labels: how many have one; None: there is no classifier.
    """

    labels: int | None

    def learn_from(self, images: Tensor, labels: Tensor, of: int) -> None:
        """Before training: the images that have a label, uint8 (N, C, H, W), and theirs, int64 (N,).

        Args:
            images, labels: these.
            of: how many images train; in a batch of them each other label is −1.
        """

    def classify(self, images: Tensor) -> Tensor:
        """log q(y|x): images (B, C, H, W) in [0, 1] → (B, num_classes)."""


def classifies(model: object) -> TypeGuard[LearnsFromFewLabels]:
    """Whether it has a classifier."""
    return isinstance(model, LearnsFromFewLabels) and model.labels is not None


def takes_labels(method: Callable[..., Any] | None) -> bool:
    """Whether a method, as `decode`, has `labels` among its arguments."""
    return method is not None and "labels" in inspect.signature(method).parameters


Temperature = Annotated[float, Field(gt=0, lt=100)]  # of samples: below 1 likelier and less varied ones


def sampling_options(sample: Callable[..., Tensor]) -> dict[str, Any]:
    """Name → type, with its range where it is stated, of what a `sample` takes besides labels, as a temperature."""
    arguments = inspect.signature(sample, eval_str=True).parameters.values()
    return {
        argument.name: type(argument.default) if argument.annotation is argument.empty else argument.annotation
        for argument in arguments
        if argument.name not in ("n", "generator", "labels")
        and argument.kind in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY)
    }


@runtime_checkable
class CanEncode(Protocol):
    """Has one code for each image."""

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → codes (B, D)."""


@runtime_checkable
class CanDecode(Protocol):
    """Has one image for each code."""

    latent_dim: int

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, D) → images (B, C, H, W) in [0, 1]."""


@runtime_checkable
class CanJudge(Protocol):
    """Has an opinion on whether an image is real."""

    def judge(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → the logit of their being real (B,)."""


@runtime_checkable
class CanReconstruct(Protocol):
    """Returns an image to where it came from."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → their reconstructions, alike."""


@runtime_checkable
class CanComplete(Protocol):
    """Draws the rest of an image, given its upper part."""

    def complete(self, images: Tensor, rows: int, generator: torch.Generator | None = None) -> Tensor:
        """Images (B, C, H, W) in [0, 1] → alike, the rows of pixels behind the first `rows` drawn; see `CanSample`."""


@dataclass(frozen=True)
class Part:
    """A function of a model that is worth having without genlab.

    Attributes:
        function: a tensor with the batch in front → a tensor, or several; of a conditional model, with `labels` too.
        takes: name of what goes in; `z` is of shape (B, latent_dim), everything else of that of images.
        gives: names of what comes out.
        meaning: of both, for someone who has only this function.
    """

    function: Callable[..., Tensor | tuple[Tensor, ...]]
    takes: str
    gives: tuple[str, ...]
    meaning: str


@runtime_checkable
class HasParts(Protocol):
    """Says which of its functions are exported; of a model that does not, `encode` and `decode` are."""

    @property
    def parts(self) -> Mapping[str, Part]:
        """By name, as `decoder`."""


@runtime_checkable
class CanSampleInSteps(Protocol):
    """Draws images the better, the more steps it takes."""

    def sample(self, n: int, generator: torch.Generator | None = None, *, steps: int) -> Tensor:
        """See `CanSample`."""

    def sampling_evaluations(self, steps: int, **options: Any) -> int | None:
        """Of the network, for a sample with these options of `sample`; None, where steps do not decide it."""


@runtime_checkable
class ChecksSampling(Protocol):
    """Cannot draw samples with every value of its options."""

    def check_sampling(self, **options: Any) -> None:
        """Check options of `sample`, before anything is trained or drawn.

        Raises:
            ConfigError: this model cannot draw with them.
        """


@runtime_checkable
class CountsEvaluations(Protocol):
    """Evaluates its network several times for a sample; of a model that does not say so, it is once."""

    @property
    def network_evaluations(self) -> int:
        """For a sample, whatever its options."""


@runtime_checkable
class CanTrace(Protocol):
    """Draws images by changing noise step by step.

    Attributes:
        way: name of what grows from 0, the noise, to 1, the image, as `t`; and how, a sentence with the formula.
    """

    way: tuple[str, str]

    def trajectory(self, n: int, moments: int, generator: torch.Generator | None = None) -> Tensor:
        """n images on their way, the noise first and the sample last: (n, moments, C, H, W) in [0, 1]."""


Pixels = Literal["binary", "cut", "grey", "8-bit"]  # binary: drawn with the grey as probability; cut: at 0.5


class SpeaksOfPixels(Protocol):
    """Has a likelihood, of the x of one kind. Those of different kinds do not compare."""

    @property
    def pixels(self) -> Pixels:
        """Of grey pixels in a Bernoulli distribution there is no likelihood."""


@runtime_checkable
class HasLikelihood(SpeaksOfPixels, Protocol):
    """Has log p(x) itself: no bound, no estimate."""

    def exact_log_likelihood(self, images: Tensor) -> Tensor:
        """log p(x): images (B, C, H, W) → (B,), in nats."""


@runtime_checkable
class CanEstimateLikelihood(SpeaksOfPixels, Protocol):
    """Has an unbiased estimate of a lower bound on log p(x), which a mean over images is taken of: no mean of p."""

    @property
    def likelihood_method(self) -> str:
        """How it is estimated, for the protocol."""

    def estimate_log_likelihood(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) → the estimates, in nats, and how often each evaluated the network: (B,) and (B,).

        A CPU generator fixes the noise.
        """


@runtime_checkable
class CanWeigh(SpeaksOfPixels, Protocol):
    """Has a proposal q, so that log p(x) can be estimated by importance sampling."""

    def log_weights(self, images: Tensor, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """log p(x, z) − log q(z|x) for new z ~ q(z|x): images (B, C, H, W) → (samples, B), in nats."""


@runtime_checkable
class CanExplain(Protocol):
    """Has a likelihood of an image given latents, whose prior is N(0, I)."""

    latent_dim: int

    def conditional_log_likelihood(self, images: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) of every pair: images (B, C, H, W) and latents (M, D) → (M, B), in nats."""


@runtime_checkable
class CanCompareGradients(Protocol):
    """Has a generator, whose loss has several forms."""

    def generator_gradient_norms(
        self, objectives: Sequence[str], n: int, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Objective → norm of its gradient by the generator's weights, on one batch of n fakes."""


@runtime_checkable
class Reports(Protocol):
    """Says what it logs; what these are is known to `genlab.quantities`, or the model `Describes` it."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """What the console shows each epoch; the first is the headline of a run."""


@runtime_checkable
class KnowsItsConstants(Protocol):
    """Says what else than the batch, the weights and random numbers a training step depends on."""

    def step_constants(self, batch_idx: int) -> tuple[Hashable, ...]:
        """Python's numbers in the step of a batch, as a weight that a schedule changes. Where they agree, steps do.

        What changes with each batch is better a tensor that the step reads: `genlab.models.scheduled.Scheduled`.
        """


@runtime_checkable
class Describes(Protocol):
    """Measures quantities that `genlab.quantities` does not know, and says what they are."""

    @property
    def described(self) -> Sequence[Quantity]:
        """Of those; they go to summary.json, where a report finds them."""


def quantity_of(model: object, tag: str) -> Quantity:
    """What a model measures, as it describes it, or as genlab knows it."""
    described = {own.name: own for own in model.described} if isinstance(model, Describes) else {}
    return described.get(tag.rpartition("/")[2]) or quantity(tag)


def parameters_of(model: torch.nn.Module) -> int:
    """How many numbers training changes."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def units_of(model: Reports) -> str:
    """`bits per dimension; nats per image`: the units of its quantities, in their order."""
    units = dict.fromkeys(quantity_of(model, name).unit for name in model.quantities)
    return "; ".join(filter(None, units))
