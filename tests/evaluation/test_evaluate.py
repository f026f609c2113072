"""What an evaluation says of real images, of noise, and of models that lack something."""

import json
import math

import pytest
import torch
from evaluation.linear_gaussian import LinearGaussian
from torch import nn

from genlab.errors import NonFiniteError
from genlab.evaluation.evaluate import evaluate, expected_seconds
from genlab.evaluation.feature_network import Space, mnist_network
from genlab.evaluation.likelihood_scores import likelihood_scores
from genlab.evaluation.settings import EvaluationSettings

MNIST = Space("mnist", mnist_network())
SETTINGS = EvaluationSettings(samples=1000, images=1000, importance_samples=20, prior_samples=100)


class Sampler(nn.Module):
    """Draws what it is given, whatever the noise."""

    def __init__(self, images):
        super().__init__()
        self.images = nn.Parameter(images)
        self.done = 0

    def sample(self, n, generator=None):
        self.done += n
        return self.images[self.done - n : self.done]


class Noise(nn.Module):
    """Uniform pixels."""

    def __init__(self):
        super().__init__()
        self.like = nn.Parameter(torch.zeros(1))

    def sample(self, n, generator=None):
        return torch.rand(n, 1, 28, 28, generator=generator)


@pytest.fixture(scope="module")
def images(mnist):
    return mnist.train_set.images[:2000], mnist.test_set.images


@pytest.fixture(scope="module")
def real(mnist, images):
    """Images that neither the floor nor the test has, as samples."""
    return evaluate(Sampler(mnist.val_set.images[:1000] / 255), MNIST, *images, SETTINGS)


def test_real_against_real_sits_at_the_floor(real):
    for name in ("fid_mnist", "precision", "recall", "density", "coverage", "class_entropy", "confidence"):
        score = real.scores[name]
        assert score.value == pytest.approx(score.floor, rel=0.4 if name == "fid_mnist" else 0.06), name
    assert abs(real.scores["kid_mnist"].value) < 0.01 * real.scores["fid_mnist"].value
    assert real.scores["classes_covered"].value == 10
    assert real.memorisation["verdict"].startswith("no sign")


def test_noise_is_far_above_the_floor(images, real):
    found = evaluate(Noise(), MNIST, *images, SETTINGS).scores
    # the same training images, however many random numbers the samples have taken
    assert found["fid_mnist"].floor == real.scores["fid_mnist"].floor
    assert found["fid_mnist"].value > 50 * found["fid_mnist"].floor
    assert found["kid_mnist"].value > 50 * abs(found["kid_mnist"].floor)
    assert found["precision"].value < 0.05 and found["density"].value < 0.05
    assert found["recall"].value < 0.05 and found["coverage"].value < 0.05


def test_copies_are_said_to_be_copies(images):
    found = evaluate(Sampler(images[0][:1000] / 255), MNIST, *images, SETTINGS)
    assert "pixels and features" in found.memorisation["verdict"]
    assert found.scores["copied_share"].value > 0.9
    pixels, features = found.pairs
    torch.testing.assert_close(pixels[0], pixels[1])
    torch.testing.assert_close(features[0], features[1])
    assert pixels.shape == (2, 10, 1, 28, 28)


class Steps(Sampler):
    """Real images, and the more noise, the fewer the steps."""

    def sample(self, n, generator=None, steps=10):
        noise = torch.rand(n, 1, 28, 28, generator=generator)
        return self.images[:n] + (noise - self.images[:n]) / steps

    def sampling_evaluations(self, steps):
        return 2 * steps


def test_samples_that_take_steps_have_a_curve(mnist, images):
    settings = EvaluationSettings(samples=300, images=1000, steps=(1, 4, 16))
    curve = evaluate(Steps(mnist.val_set.images[:300] / 255), MNIST, *images, settings).curves["fid_mnist"]
    assert (curve.x, [point.x for point in curve.points]) == ("evaluations of the network", [2, 8, 32])
    assert curve.points[0].value > curve.points[1].value > curve.points[2].value > 0
    assert curve.protocol.startswith("300 samples against 1000 test images")


def test_the_curve_over_steps_has_the_options_of_the_samples(mnist, images):
    class Optional(Steps):
        def sample(self, n, generator=None, steps=10, more: int = 1):
            return super().sample(n, generator, steps * more)

        def sampling_evaluations(self, steps, more=1):
            return 2 * steps * more if more < 9 else None

    def curve(points, **options):
        settings = EvaluationSettings(samples=300, images=1000, steps=points, sampling=options or None)
        return evaluate(Optional(mnist.val_set.images[:300] / 255), MNIST, *images, settings).curves

    assert curve((2,), more=2, steps=7)["fid_mnist"].points == curve((4,))["fid_mnist"].points
    assert curve((2,), more=9) == {}  # where steps decide nothing


def test_other_samples_are_a_point_at_their_evaluations(mnist, images, real):
    class Several(Sampler):
        network_evaluations = 196

    (point,) = real.curves["fid_mnist"].points
    assert (point.x, point.value) == (1, real.scores["fid_mnist"].value)  # 1000 samples both
    settings = EvaluationSettings(samples=1500, images=1000, likelihood_images=1)
    samples = mnist.val_set.images[:1500] / 255
    several = evaluate(Several(samples), MNIST, *images, settings)
    (point,) = several.curves["fid_mnist"].points
    assert point.x == 196
    assert point.value == pytest.approx(real.scores["fid_mnist"].value, rel=1e-6)  # of the first 1000 only
    assert several.scores["fid_mnist"].value != point.value
    assert several.curves["fid_mnist"].protocol == real.curves["fid_mnist"].protocol


def test_no_steps_no_curve(mnist, images):
    settings = EvaluationSettings(samples=100, images=100, steps=())
    for kind in (Steps, Sampler):
        assert not evaluate(kind(mnist.val_set.images[:100] / 255), MNIST, *images, settings).curves


def test_samples_with_options_are_no_point(mnist, images):
    class Sharper(Sampler):
        def sample(self, n, generator=None, sharpness=1.0):
            return super().sample(n)

    settings = EvaluationSettings(samples=100, images=100, sampling={"sharpness": 2})
    assert not evaluate(Sharper(mnist.val_set.images[:100] / 255), MNIST, *images, settings).curves


def test_the_time_is_estimated_by_a_hundredth(images):
    drawn: list[int] = []

    class Counted(Noise):
        def sample(self, n, generator=None):
            drawn.append(n)
            return super().sample(n, generator)

    found = expected_seconds(Counted(), MNIST, *images, EvaluationSettings(samples=20_000, images=1000))
    assert sum(drawn) == 200 and found > 0
    assert expected_seconds(Counted(), MNIST, *images, EvaluationSettings(samples=100, likelihood_images=50)) is None


@pytest.mark.parametrize("steps", [(), (5, 10)])
def test_the_curve_over_steps_is_expected_with_its_own_samples(steps, images, monkeypatch):
    class InSteps(Noise):
        evaluations = 0  # the clock

        def sample(self, n, generator=None, steps=2):
            self.evaluations += n * steps
            return super().sample(n, generator)

        def sampling_evaluations(self, steps):
            return steps

    model = InSteps()
    monkeypatch.setattr("genlab.evaluation.evaluate.perf_counter", lambda: model.evaluations)
    found = expected_seconds(model, MNIST, *images, EvaluationSettings(samples=20_000, images=1000, steps=steps))
    assert found == 2 * 20_000 + 1000 * sum(steps)


def test_protocols_say_how_many(real):
    protocol = real.scores["fid_mnist"].protocol
    assert protocol == "1000 samples from the model's own distribution against 1000 test images"
    assert json.loads(json.dumps(real.plain()))["features"]["test_accuracy"] > 0.99


def test_no_density_no_likelihood(real):
    assert "no density" in real.absent["nll"] and "no density" in real.absent["bits_per_dim"]
    assert not {"nll", "elbo", "bits_per_dim"} & set(real.scores)


def test_samples_that_are_no_numbers_are_an_error(images):
    with pytest.raises(NonFiniteError, match="another checkpoint"):
        evaluate(Sampler(torch.full((1000, 1, 28, 28), math.nan)), MNIST, *images, SETTINGS)


def test_without_a_feature_network_there_is_what_needs_none(images):
    found = evaluate(Sampler(images[0][:1000] / 255), Space("kmnist", None, "none yet"), *images, SETTINGS)
    assert found.absent["fid_kmnist"] == found.absent["precision"] == "none yet"
    assert set(found.scores) == {"copied_share", "samples_per_second"} and found.scores["copied_share"].value > 0.9
    assert len(found.pairs) == 1 and "pixels" in found.memorisation["verdict"]


def test_test_images_are_taken_from_beginning_to_end(images):
    train, test = images
    few = EvaluationSettings(samples=100, images=100)
    sampler = Sampler(test[::100].float() / 255)  # which are then those it is compared with
    assert evaluate(sampler, MNIST, train, test, few).scores["fid_mnist"].value == pytest.approx(0, abs=1e-3)


def test_a_model_of_binary_pixels_has_nll_and_its_curve():
    model = LinearGaussian(latent_dim=3, x_dim=6, spread=1.2)
    images = model.images(500)
    found = likelihood_scores(
        model, images, EvaluationSettings(importance_samples=500, prior_samples=10, published_nll=7.5)
    )
    exact = -model.log_likelihood(images)
    score = found.scores["nll"]
    assert score.value == pytest.approx(float(exact.mean()), abs=0.01)
    assert score.standard_error == pytest.approx(float(exact.std()) / 500**0.5, rel=0.01)
    assert found.scores["elbo"].value == pytest.approx(-float(exact.mean()) - model.gap, abs=0.01)
    points = found.plain()["curves"]["nll"]["points"]
    assert [point["x"] for point in points] == [1, 10, 100, 500]
    assert points[-1]["value"] == score.value
    assert score.protocol == "binary pixels, drawn once for each image; 500 test images"
    assert score.estimator == "upper bound: log-mean-exp of 500 importance samples"
    assert found.scores["nll_from_prior"].value > score.value
    assert "bits_per_dim" in found.absent
    assert score.published == 7.5 and found.plain()["scores"]["nll"]["published"] == 7.5


class EightBit:
    """log P(image) is −D ln 2 · 3: three bits for each dimension."""

    pixels = "8-bit"

    def log_weights(self, images, samples, generator=None):
        return torch.full((samples, len(images)), -3 * images[0].numel() * math.log(2), dtype=torch.float64)


def test_a_model_of_eight_bit_pixels_has_bits_per_dim():
    found = likelihood_scores(EightBit(), torch.zeros(20, 1, 4, 4), EvaluationSettings(dequantization_samples=5))
    assert found.scores["bits_per_dim"].value == pytest.approx(3)
    assert [point["x"] for point in found.plain()["curves"]["bits_per_dim"]["points"]] == [1, 2, 4, 5]
    assert "nll" in found.absent and "nll" not in found.scores


class Grey(EightBit):
    pixels = "grey"


def test_grey_pixels_have_no_likelihood():
    found = likelihood_scores(Grey(), torch.zeros(20, 1, 4, 4), EvaluationSettings())
    assert not found.scores and "grey" in found.absent["nll"]
