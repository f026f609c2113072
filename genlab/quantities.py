"""What the numbers are: name, unit, which way is better, how they are shown, and what compares with what.

A quantity that is not in the table works everywhere under its name, without a direction. A model of another package
describes its own: see `genlab.capabilities.Describes`. Of `fid_SPACE` and `kid_SPACE` there is one for each space of
features: `fid_mnist`, `fid_fashion_mnist`, …
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

Better = Literal["higher", "lower"]
Kind = Literal["likelihood", "quality", "cost"]
KINDS = get_args(Kind)


@dataclass(frozen=True)
class Quantity:
    """A number that a model, a callback or an evaluation measures.

    Attributes:
        name: without its split, as `elbo` in `val/elbo`.
        unit: such as `nats per image`; empty for a pure number.
        better: which way; None where neither is.
        kind: what it is compared with: the objectives and likelihoods, the quality of samples, or what they cost.
        title: in charts; empty: the name.
        parts: behind the title, in a chart that stands beside those of its parts.
        meaning: for someone who reads the name for the first time.
        compared: whether each run's test value has a column in a comparison, besides that of the headline.
        marks: (value, words) of lines in its charts.
        drawn_with: the quantity in whose chart it is drawn.
    """

    name: str
    unit: str = ""
    better: Better | None = None
    kind: Kind = "likelihood"
    title: str = ""
    parts: str = ""
    meaning: str = ""
    compared: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    drawn_with: str = ""

    @property
    def chart_title(self) -> str:
        return self.title or self.name

    @property
    def label(self) -> str:
        """`nats per image, higher is better`; empty where nothing is known."""
        return ", ".join(filter(None, [self.unit, f"{self.better} is better" if self.better else ""]))


SAMPLE_SCORE = "fid_SPACE"  # the score of samples that is measured in training too, and decides which are best

_NATS = "nats per image"
# Goodfellow et al. 2014, theorem 1
_OPTIMUM = (-1.3862943611198906, "−log 4, where D cannot tell")

_quality, _cost = partial(Quantity, kind="quality"), partial(Quantity, kind="cost")

# In the order in which charts and columns come
_QUANTITIES = (
    Quantity("elbo", _NATS, "higher", title="ELBO", parts=" = reconstruction − KL", meaning="lower bound of log p(x)"),
    Quantity("reconstruction", _NATS, title="reconstruction, log p(x|z)"),
    Quantity("kl", _NATS, title="KL(q(z|x) ‖ p(z))"),
    Quantity("nll", _NATS, "lower", meaning="−log p(x), an image's likelihood", compared=True),
    Quantity("nll_given_label", _NATS, "lower", meaning="−log p(x|y), of an image and its label"),
    Quantity("nll_from_prior", _NATS, "lower", meaning="−log p(x), with latents drawn from the prior"),
    Quantity("prior_effective_samples", "", "higher", meaning="latents of the prior that count for an image"),
    Quantity("bits_per_dim", "bits per dimension", "lower", meaning="bits that code a pixel", compared=True),
    Quantity("bits_per_dim_given_label", "bits per dimension", "lower", meaning="bits that code a pixel, given y"),
    Quantity(
        "generative_accuracy",
        "share of test images",
        "higher",
        meaning="share whose label is the one that p(x|y) p(y) is highest for",
    ),
    Quantity(
        "classification_error",
        "share of images",
        "lower",
        meaning="share whose label is not the one that q(y|x) is highest for",
        compared=True,
    ),
    Quantity("log_likelihood", _NATS, "higher"),
    Quantity("reconstruction_error", "per image", "lower"),
    _quality(SAMPLE_SCORE, "squared distance of features", "lower", meaning="distance of samples from real images"),
    _quality("kid_SPACE", "", "lower", meaning="unbiased distance from real images; can fall below 0"),
    _quality("precision", "", "higher", meaning="share of samples that look real"),
    _quality("recall", "", "higher", meaning="share of real images that samples look like"),
    _quality("density", "", "higher", meaning="how many real images a sample lies near; 1 is real"),
    _quality("coverage", "", "higher", meaning="share of real images that have a sample near"),
    _quality("class_entropy", "nats", "higher", meaning="how evenly the classes come; of ten, 2.303 is even"),
    _quality("classes_covered", "", "higher", meaning="classes with a tenth of an even share, or more"),
    _quality("confidence", "", "higher", meaning="how sure a classifier is of a sample's class"),
    _quality(
        "label_accuracy", "share of samples", "higher", meaning="share that a classifier takes for what was asked"
    ),
    _quality("label_accuracy_second", "share of samples", "higher", meaning="the same by another classifier"),
    _quality("copied_share", "of samples", "lower", meaning="share that copies a training image"),
    Quantity("value", "nats, -1.39 at the optimum", title="V(D, G)", marks=(_OPTIMUM,)),
    Quantity("d_real", "mean of D", title="D on images and on fakes"),
    Quantity("d_fake", "mean of D", drawn_with="d_real"),
    Quantity("discriminator_accuracy", "share"),
    Quantity("discriminator_loss"),
    Quantity("generator_loss"),
    _cost("parameters"),
    _cost("training_seconds"),
    _cost("images_per_second"),
    # a speed of this machine ranks no model
    _cost("samples_per_second", "", "higher", meaning="on the machine of the evaluation"),
)
KNOWN = {quantity.name: quantity for quantity in _QUANTITIES}
LABEL_SCORES = ("label_accuracy", "label_accuracy_second")  # of models that are asked for a class
SAMPLE_SCORES = (
    *(name for name, quantity in KNOWN.items() if quantity.kind == "quality" and name not in LABEL_SCORES),
    "samples_per_second",
)
COMPARED = tuple(name for name, quantity in KNOWN.items() if quantity.compared)
COSTS = tuple(name for name, quantity in KNOWN.items() if quantity.kind == "cost")


def quantity(tag: str) -> Quantity:
    """Of a name with or without its split: `val/elbo`, `elbo`; one that is not known has its name only."""
    name = tag.rpartition("/")[2]
    known = KNOWN.get(_entry(name), Quantity(name))
    return known if known.name == name else replace(known, name=name)


def is_known(name: str) -> bool:
    """Whether genlab itself says what it is."""
    return _entry(name) in KNOWN


def is_sample_score(name: str) -> bool:
    """Whether it is the Fréchet distance in some space, as `fid_mnist`."""
    return _entry(name) == SAMPLE_SCORE


def score_names(space: str) -> list[str]:
    """The scores of samples, as they are called in a space."""
    return [name.replace("SPACE", space) for name in SAMPLE_SCORES]


def in_order(names: Iterable[str]) -> list[str]:
    """Those that are known first, in the order of the table, then the others by name."""
    return sorted(names, key=place)


def place(name: str) -> tuple[int, str]:
    """To sort by."""
    return (list(KNOWN).index(_entry(name)) if is_known(name) else len(KNOWN), name)


def _entry(name: str) -> str:
    """The name in the table."""
    return re.sub("^(fid|kid)_.+", r"\1_SPACE", name)
