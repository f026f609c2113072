"""What a conditional model is asked for, and what it draws."""

import math

import pytest
import torch
from evaluation.test_evaluate import MNIST
from torch import nn

from genlab.errors import ConfigError
from genlab.evaluation.evaluate import evaluate
from genlab.evaluation.feature_network import Described, Space
from genlab.evaluation.label_scores import Labels, label_accuracy
from genlab.evaluation.likelihood_scores import likelihood_scores
from genlab.evaluation.settings import EvaluationSettings

SETTINGS = EvaluationSettings(samples=500, images=500)


class Album(nn.Module):
    """Draws, for a label, images of a data set that have it, one after the other.

    Args:
        several: images of each class that it knows.
        wrong: of two samples the second is of the next class.
    """

    conditional, num_classes = True, 10

    def __init__(self, split, several=10_000, wrong=False):
        super().__init__()
        self.label_prior = nn.Parameter(torch.full((10,), 0.1))
        self.pages = [split.images[split.labels == label][:several].float() / 255 for label in range(10)]
        self.turned, self.wrong = [0] * 10, wrong
        self.asked = []

    def sample(self, n, generator=None, *, labels=None):
        self.asked.append(labels)
        drawn = []
        for place, label in enumerate(labels.tolist()):
            label = (label + 1) % 10 if self.wrong and place % 2 else label
            drawn.append(self.pages[label][self.turned[label] % len(self.pages[label])])
            self.turned[label] += 1
        return torch.stack(drawn)


@pytest.fixture(scope="module")
def measured(mnist):
    """measured(model): its evaluation by 500 samples, on 700 training and 500 test images."""
    images = mnist.train_set.images[:700], mnist.test_set.images
    labels = mnist.train_set.labels[:700], mnist.test_set.labels

    def measure(model, **more):
        return evaluate(model, Space("mnist", MNIST.network, second=MNIST.network), *images, SETTINGS, labels=labels)

    return measure


@pytest.fixture(scope="module")
def real(mnist, measured):
    return measured(Album(mnist.val_set))


def test_a_classifier_that_is_right_half_of_the_time_gives_one_half():
    asked = torch.arange(10).repeat(20)
    taken = torch.where(torch.arange(200) % 20 < 10, asked, (asked + 1) % 10)
    says = Described(torch.zeros(200, 1), nn.functional.one_hot(taken, 10).float())
    found = label_accuracy("label_accuracy", asked, says, asked, says, "p", "by whom")
    score = found.scores["label_accuracy"]
    assert (score.value, score.floor, score.estimator) == (0.5, 0.5, "by whom")
    assert score.standard_error == pytest.approx(0.5 / 200**0.5, rel=0.01)
    assert found.by_class["label_accuracy"].values == [0.5] * 10
    confusion = torch.tensor(found.confusion["label_accuracy"])
    assert torch.equal(confusion, 10 * (torch.eye(10) + torch.eye(10).roll(1, 1)).long())  # rows: what was asked


def test_a_class_that_was_not_asked_for_has_no_accuracy():
    asked = torch.tensor([0, 0, 2])
    says = Described(torch.zeros(3, 1), torch.eye(3)[asked])
    found = label_accuracy("label_accuracy", asked, says, asked, says, "p", "by whom")
    assert found.by_class["label_accuracy"].values == [1, None, 1]


def test_real_images_of_the_class_sit_at_the_floor(real):
    for name in ("label_accuracy", "label_accuracy_second"):
        score = real.scores[name]
        assert score.value == pytest.approx(score.floor, abs=0.02)  # over four standard errors of 500 images at 0.99
        assert score.better == "higher" and score.protocol == real.scores["fid_mnist"].protocol
    assert sum(map(sum, real.confusion["label_accuracy"])) == 500
    for name, found in real.by_class.items():
        assert len(found.values) == len(found.floors) == 10, name
    distances = real.by_class["fid_mnist"]
    # fifty images are few: other real ones may be twice as far, those of another class are fifty times, see below
    for value, floor in zip(distances.values, distances.floors, strict=True):
        assert 0.4 < value / floor < 2.5


def test_half_of_the_samples_of_another_class(mnist, measured, real):
    found = measured(Album(mnist.val_set, wrong=True))
    assert found.scores["label_accuracy"].value == pytest.approx(0.5, abs=0.02)
    assert found.scores["fid_mnist"].value < 2 * real.scores["fid_mnist"].value  # all classes come as before
    for mixed, pure in zip(found.by_class["fid_mnist"].values, real.by_class["fid_mnist"].values, strict=True):
        assert mixed > 10 * pure


def test_one_copied_image_a_class_scores_one_and_covers_nothing(mnist, measured, real):
    found = measured(Album(mnist.train_set, several=1))
    assert found.scores["label_accuracy"].value == 1 > real.scores["label_accuracy"].floor
    assert 2 * found.scores["coverage"].value < 0.5 < real.scores["coverage"].value  # balls of few images are wide
    for copies, all_of_it in zip(*(one.by_class["coverage"].values for one in (found, real)), strict=True):
        assert copies < 0.6 * all_of_it
    assert "copies" in found.memorisation["verdict"] and not found.memorisation["verdict"].startswith("no")


def test_labels_come_as_in_the_training_images(mnist, measured):
    model = Album(mnist.val_set)
    model.label_prior.data = torch.tensor([0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5])
    found = measured(model)
    asked = torch.cat(model.asked)
    assert len(asked) == 500 and asked.unique().tolist() == [0, 9]
    assert abs(float((asked == 9).double().mean()) - 0.5) < 4 * 0.5 / 500**0.5
    assert found.by_class["fid_mnist"].values[1:9] == [None] * 8


def test_the_labels_are_independent_of_the_noise():
    labels = Labels(torch.full((2,), 0.5), torch.zeros(1), torch.zeros(1))
    generator = torch.Generator().manual_seed(0)
    asked = labels.ask(10_000, generator)
    noise = torch.randn(10_000, generator=generator)
    means = [float(noise[asked == label].mean()) for label in (0, 1)]
    assert means == pytest.approx([0, 0], abs=4 / 5000**0.5)


class Unasked(Album):
    """The same, made without labels."""

    conditional = False

    def sample(self, n, generator=None, *, labels=None):
        assert labels is None
        return super().sample(n, generator, labels=torch.arange(n) % 10)


def test_a_model_without_labels_has_no_new_keys(mnist, measured):
    found = measured(Unasked(mnist.val_set))
    assert not {"by_class", "confusion"} & set(found.plain())
    assert not [name for name in {**found.scores, **found.absent} if "label" in name or "generative" in name]


def test_without_networks_there_is_a_reason(mnist):
    data = [mnist.val_set.images[:300]] * 2, [mnist.val_set.labels[:300]] * 2
    few = EvaluationSettings(samples=100, images=100)

    def found(space):
        return evaluate(Album(mnist.val_set), space, *data[0], few, labels=data[1])

    none = found(Space("kmnist", None, "none yet"))
    assert none.absent["label_accuracy"] == none.absent["label_accuracy_second"] == none.absent["fid_kmnist"]
    no_second = found(Space("mnist", MNIST.network, "no second yet"))
    assert no_second.absent["label_accuracy_second"] == "no second yet" and "label_accuracy" in no_second.scores


def test_codes_that_depend_on_labels_have_no_mixture(mnist, measured):
    class WithCodes(Album):
        latent_dim = 2

        def encode(self, images, labels=None): ...

        def decode(self, z, labels=None): ...

    with pytest.raises(ConfigError, match="leave ex_post out"):
        images = mnist.val_set.images
        evaluate(WithCodes(mnist.val_set), MNIST, images, images, EvaluationSettings(ex_post=2))


class TwoClasses:
    """x is one pixel, N(±1, 1) for the two labels, with p(y) = 0.3, 0.7."""

    conditional, num_classes, pixels = True, 2, "binary"
    label_prior = torch.tensor([0.3, 0.7])

    def sample(self, n, generator=None, *, labels=None):
        raise NotImplementedError

    def given(self, images, labels):
        mean = torch.tensor([-1.0, 1.0]).to(images)[labels]
        return -0.5 * (images.flatten() - mean) ** 2 - 0.5 * math.log(2 * math.pi)


class Exact(TwoClasses):
    def exact_log_likelihood(self, images, labels=None):
        return self.given(images, labels)


class Weighted(TwoClasses):
    """The proposal is the posterior, so that every weight is p(x|y)."""

    def log_weights(self, images, samples, generator=None, labels=None):
        return self.given(images, labels).expand(samples, -1)


class Estimated(TwoClasses):
    pixels, likelihood_method = "8-bit", "by heart"

    def estimate_log_likelihood(self, images, generator, labels=None):
        return self.given(images, labels), torch.full((len(images),), 3)


@pytest.mark.parametrize("kind", [Exact, Weighted, Estimated])
def test_two_classes_in_closed_form(kind):
    model, generator = kind(), torch.Generator().manual_seed(0)
    labels = (torch.rand(500, generator=generator) < 0.7).long()
    x = (2 * labels - 1 + torch.randn(500, generator=generator)).double()
    settings = EvaluationSettings(importance_samples=40)
    found = likelihood_scores(model, x.view(-1, 1, 1, 1), settings, labels=labels)
    density = torch.distributions.Normal(torch.tensor([[-1.0], [1.0]]).double(), 1.0).log_prob(x)
    of_x = (density + torch.tensor([[0.3], [0.7]]).double().log()).logsumexp(0)
    of_label = density.gather(0, labels[None])[0]
    # argmax_y p(x|y) p(y) is 1 where 2x > log(0.3/0.7)
    right = ((2 * x > math.log(0.3 / 0.7)).long() == labels).double()
    name, per = ("bits_per_dim", math.log(2)) if kind is Estimated else ("nll", 1)
    assert found.scores[name].value == pytest.approx(-float(of_x.mean()) / per, rel=1e-6)
    assert found.scores[f"{name}_given_label"].value == pytest.approx(-float(of_label.mean()) / per, rel=1e-6)
    accuracy = found.scores["generative_accuracy"]
    assert accuracy.value == float(right.mean())
    assert accuracy.standard_error == pytest.approx(float(right.std()) / 500**0.5)
    assert found.scores[name].value < found.scores[f"{name}_given_label"].value + 1.3


def test_the_classifier_has_no_more_samples_for_the_right_label():
    class Telltale(Weighted):
        """The more samples, the higher: a classifier with more for the right label would always be right."""

        def log_weights(self, images, samples, generator=None, labels=None):
            return torch.full((samples, len(images)), float(samples)).double()

    labels = torch.zeros(60, dtype=torch.long)
    found = likelihood_scores(Telltale(), torch.zeros(60, 1, 1, 1), EvaluationSettings(), labels=labels)
    assert found.scores["generative_accuracy"].value == 0  # by the prior, 1 always


def test_a_model_without_density_classifies_nothing(real):
    assert real.absent["generative_accuracy"] == real.absent["nll"]
