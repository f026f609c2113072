"""The semi-supervised VAE: its bounds label by label, its step by hand, and what it says of a classifier."""

import pytest
import torch
from pydantic import ValidationError

from genlab.capabilities import classifies
from genlab.errors import ConfigError
from genlab.models.few_labels import FewLabels, classification_error
from genlab.models.fixed_noise import fixed_normal
from genlab.models.vae import VAE

SHAPE = (1, 4, 8)
NETWORKS = {
    "mlp": {"hidden_dims": [8, 6]},
    "convolutional": {"hidden_dims": [8], "architecture": "convolutional"},
    "no hidden layers": {"hidden_dims": []},
}


def made(**settings):
    torch.manual_seed(0)
    settings = {"hidden_dims": [8, 6], "labels": 4, **settings}
    model = VAE(latent_dim=3, binarization="threshold", image_shape=SHAPE, num_classes=3, **settings).double().eval()
    with torch.no_grad():  # as if it were trained
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
        model.label_prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    return model


def x(n=5):
    return (torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(5)) < 0.4).double()


def noise(k, n=5):
    return torch.randn(k, n, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def by_label(model, noise, beta):
    """Each of `bounds` for one label after the other, (classes, B)."""
    every = [model.bounds(x(), noise, beta, torch.full((5,), y)) for y in range(3)]
    return {name: torch.stack([bounds[name] for bounds in every]) for name in every[0]}


@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize(("k", "beta"), [(1, 1.0), (1, 0.3), (4, 0.3)])
def test_one_pass_is_the_sum_over_the_labels(networks, k, beta):
    model = made(**NETWORKS[networks])
    of_each = by_label(model, noise(k), beta)
    q = model.few_labels.classifier(x()).softmax(-1).T
    mean = {name: (q * values).sum(0) for name, values in of_each.items()}
    entropy = -(q * q.log()).sum(0)
    found = model.bounds_without_labels(x(), noise(k), beta)
    torch.testing.assert_close(found["reconstruction"], mean["reconstruction"])
    torch.testing.assert_close(found["kl"], mean["kl"] - entropy)
    torch.testing.assert_close(found["elbo"], mean["elbo"] + entropy)
    torch.testing.assert_close(found["objective"], mean["objective"] + beta * entropy)


def test_the_bound_is_below_that_of_the_sum_over_labels():
    model = made()
    summed = by_label(model, noise(1), 1.0)["elbo"].logsumexp(0)  # ≤ log p(x) in expectation
    assert (model.bounds_without_labels(x(), noise(1))["elbo"] < summed).all()


def test_a_step_by_hand():
    """x is cut at one half, so that only the draws and the noise are random."""
    model = made(classifier_weight=0.7).train()
    told, of_told = x(4)[:3], torch.tensor([2, 0, 1])
    model.learn_from((255 * told).to(torch.uint8), of_told, of=60)
    labels = torch.tensor([-1, -1, 1, -1, -1])
    torch.manual_seed(7)
    step = model.training_step((x(), labels), 0)
    torch.manual_seed(7)
    first, rows, second = torch.randn(1, 5, 3), torch.randint(3, (5,)), torch.randn(1, 5, 3)
    minus_u = model.bounds_without_labels(x(), first)["elbo"][labels < 0].sum()
    minus_l = model.bounds(told[rows], second, labels=of_told[rows])["elbo"].sum()
    log_q = model.few_labels.classifier(told[rows]).log_softmax(-1)[torch.arange(5), of_told[rows]].sum()
    torch.testing.assert_close(step["loss"], -(minus_u / 5 + 3 / 60 * minus_l / 5 + 0.7 * log_q / 5))


def test_what_is_measured_is_the_bound_without_labels(monkeypatch):
    model, logged = made(), {}
    monkeypatch.setattr(model, "log_dict", lambda means, **_: logged.update(means))
    labels = torch.tensor([0, 1, 2, 0, 1])
    model.validation_step((x(), labels), 0)
    expected = model.bounds_without_labels(x(), fixed_normal(x(), (3,)).unsqueeze(0))
    for name in ("elbo", "reconstruction", "kl"):
        torch.testing.assert_close(logged[f"val/{name}"], expected[name].mean())
    wrong = (model.classify(x()).argmax(1) != labels).float().mean()
    torch.testing.assert_close(logged["val/classification_error"], wrong)
    assert set(model.quantities) == set(model.protocol) == {name.removeprefix("val/") for name in logged}


def test_the_classifier_is_a_distribution_and_a_part():
    model = made()
    torch.testing.assert_close(model.classify(x()).exp().sum(1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(model.parts["classifier"].function(x()), model.classify(x()))


def test_an_error_of_a_half_is_a_half():
    assert classification_error(torch.tensor([[0.0, -1], [-1, 0]]), torch.tensor([0, 0])) == 0.5


def test_draws_are_any_of_those_kept_with_their_labels():
    few = FewLabels(torch.nn.Flatten())
    few.keep(torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1), torch.tensor([7, 8, 9]), of=30)
    images, labels = few.draw(torch.empty(1000, 1, 1, 1))
    assert torch.equal(images.flatten(), torch.tensor([0, 0.2, 1.0])[labels - 7])
    assert few.share == 0.1 and (torch.bincount(labels)[7:] > 250).all()
    assert set(few.state_dict()) == set()  # the images are no part of a checkpoint


def test_labels_make_it_conditional_and_without_there_is_no_classifier():
    assert made().conditional and classifies(made())
    plain = VAE(conditional=True)
    assert not classifies(plain) and "classification_error" not in plain.quantities
    with pytest.raises(ConfigError, match=r"no classifier; train one with model.labels=100"):
        plain.classify(torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"labels": 0}, "greater than 0"),
        ({"labels": 10, "label_dropout": 0.1}, "label_dropout=0.1 is of images that all have labels"),
        ({"labels": 10, "num_classes": 1}, "labels=10 needs images of two classes or more; these have 1"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, words):
    with pytest.raises((ValueError, ValidationError), match=words):
        VAE(**settings)
