"""Labels in every family: theorems on what a conditional model is."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent

from genlab.capabilities import draws_labels, sampling_options
from genlab.errors import ConfigError
from genlab.models.autoregressive import Autoregressive
from genlab.models.flow import Flow
from genlab.models.flow_matching import FlowMatching
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.networks.labels import LabelEmbedding

SHAPE = (1, 4, 8)
FAMILIES = {
    "vae": lambda **labels: VAE(latent_dim=3, hidden_dims=[8, 6], image_shape=SHAPE, **labels),
    "convolutional vae": lambda **labels: VAE(
        latent_dim=3, hidden_dims=[8], architecture="convolutional", image_shape=SHAPE, **labels
    ),
    "vae without hidden layers": lambda **labels: VAE(latent_dim=3, hidden_dims=[], image_shape=SHAPE, **labels),
    "gan": lambda **labels: GAN(latent_dim=3, ema_decay=0.5, image_shape=SHAPE, **labels),
    "convolutional gan": lambda **labels: GAN(latent_dim=3, architecture="convolutional", image_shape=SHAPE, **labels),
    "flow": lambda **labels: Flow(steps=2, channels=[4, 4], image_shape=SHAPE, **labels),
    "course flow": lambda **labels: Flow(
        architecture="mlp", couplings=2, hidden_dims=[6], dequantization="uniform", image_shape=SHAPE, **labels
    ),
    "flow matching": lambda **labels: FlowMatching(
        patch_size=[2, 2], layers=1, width=8, heads=2, image_shape=SHAPE, **labels
    ),
    "convolutional flow matching": lambda **labels: FlowMatching(
        architecture="convolutional", channels=[4], image_shape=SHAPE, **labels
    ),
    "autoregressive": lambda **labels: Autoregressive(layers=1, width=8, heads=2, image_shape=SHAPE, **labels),
    "made": lambda **labels: Autoregressive(
        architecture="made", hidden_dims=[8], orders=2, image_shape=SHAPE, **labels
    ),
}
every_family = pytest.mark.parametrize("name", FAMILIES)
LABELS = torch.tensor([2, 0, 1, 1, 2])


def made(name, **labels):
    torch.manual_seed(0)
    return FAMILIES[name](**labels).double().eval()


def moved(model):
    """As if it were trained: its weights are no longer those of the start, where many are 0, except the embeddings."""
    generator = torch.Generator().manual_seed(1)
    of_labels = [embedding.weight for embedding in embeddings(model)]
    with torch.no_grad():
        for parameter in model.parameters():
            if not any(parameter is weight for weight in of_labels):
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


def embeddings(model):
    return [module for module in model.modules() if isinstance(module, LabelEmbedding)]


def conditional(name, **more):
    """As if it were trained with labels."""
    model = moved(made(name, conditional=True, num_classes=3, **more))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for embedding in embeddings(model):
            weight = embedding.weight[:3]
            weight += torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return model


def images(n=5):
    return (torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(5)) * 255).round().double() / 255


def noise():
    return torch.Generator().manual_seed(3)


@every_family
def test_a_model_with_all_embeddings_at_0_is_the_one_without_labels(name):
    plain, told = moved(made(name)), conditional(name)
    for embedding in embeddings(told):
        embedding.reset_parameters()
    torch.testing.assert_close(told.sample(5, noise(), labels=LABELS), plain.sample(5, noise()), rtol=0, atol=1e-12)


@every_family
def test_a_conditional_model_starts_as_the_one_without_labels(name):
    start, plain = made(name, conditional=True, num_classes=3), made(name)
    assert torch.equal(start.sample(5, noise(), labels=LABELS), plain.sample(5, noise()))


@every_family
def test_the_state_of_a_model_without_labels_is_what_it_was(name):
    model = made(name, num_classes=3)
    assert not embeddings(model) and "class_shares" not in model.state_dict()


@every_family
def test_the_label_reaches_each_sample_and_no_other(name):
    model = conditional(name)
    drawn = model.sample(5, noise(), labels=LABELS)
    others = (LABELS + 1) % 3
    changed = model.sample(5, noise(), labels=others)
    assert ((drawn - changed).abs().flatten(1).max(1).values > 1e-4).all()
    for row in range(5):
        one = LABELS.clone()
        one[row] = others[row]
        only = model.sample(5, noise(), labels=one)
        torch.testing.assert_close(only[row], changed[row])
        kept = torch.arange(5) != row
        torch.testing.assert_close(only[kept], drawn[kept])


@every_family
def test_without_labels_they_are_drawn_from_the_prior_behind_the_same_noise(name):
    model = conditional(name)
    model.label_prior.copy_(torch.tensor([0.0, 1.0, 0.0]))
    of_one = model.sample(5, noise(), labels=torch.ones(5, dtype=torch.long))
    assert torch.equal(model.sample(5, noise()), of_one)


def test_drawn_labels_have_the_shares_of_the_prior():
    model = conditional("vae")
    model.label_prior.copy_(torch.tensor([0.7, 0.2, 0.1]))
    labels = model.labels_for(20_000, noise(), None)
    shares = torch.bincount(labels, minlength=3) / len(labels)
    # five standard errors, √(0.7 · 0.3 / 20,000) = 0.0032 at most
    torch.testing.assert_close(shares.double(), model.label_prior, rtol=0, atol=0.017)


@every_family
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 3], "3 is none of the 3, 0 to 2"),
        ([0, -1, 1], "-1 is none of the 3"),
        ([0, 1], "3 images need 3 whole numbers"),
        ([0.0, 1.0, 2.0], "3 images need 3 whole numbers"),
    ],
)
def test_labels_that_are_none_are_one_line(name, labels, words):
    with pytest.raises(ConfigError, match=words):
        conditional(name).sample(3, labels=torch.tensor(labels))


@every_family
def test_labels_of_a_model_that_knows_none_are_one_line(name):
    with pytest.raises(ConfigError, match=r"knows none; train one with model.conditional=true"):
        made(name).sample(3, labels=LABELS[:3])


@every_family
@pytest.mark.parametrize("classes", [0, 1])
def test_images_without_labels_are_one_line(name, classes):
    with pytest.raises(ValueError, match=f"these have {classes}"):
        FAMILIES[name](conditional=True, num_classes=classes)


@every_family
def test_label_dropout_without_labels_is_one_line(name):
    with pytest.raises(ValueError, match=r"label_dropout=0.1 is of conditional=true"):
        FAMILIES[name](label_dropout=0.1)


@every_family
def test_a_model_says_whether_it_draws_labels(name):
    assert draws_labels(conditional(name)) and not draws_labels(made(name))
    assert "labels" not in sampling_options(made(name).sample)


def test_a_share_of_the_labels_is_dropped_in_training_only():
    model = conditional("vae", label_dropout=0.3)
    labels = torch.arange(3).repeat(4000)
    assert torch.equal(model.told(labels), labels)
    torch.manual_seed(0)
    told = model.train().told(labels)
    dropped = told == 3
    assert torch.equal(told[~dropped], labels[~dropped])
    # five standard errors, √(0.3 · 0.7 / 12,000) = 0.0042
    assert abs(dropped.double().mean() - 0.3) < 0.021


def test_without_dropout_no_random_number_is_drawn():
    model, before = conditional("vae").train(), torch.get_rng_state()
    model.told(LABELS)
    assert torch.equal(before, torch.get_rng_state())


# Likelihoods


def test_the_likelihood_of_the_vae_is_the_sum_over_the_labels():
    """A decoder that does not look at z is a mixture of products of Bernoullis, whose likelihood is in closed form."""
    model = FAMILIES["vae"](conditional=True, num_classes=2).double().eval()
    prior = torch.tensor([0.8, 0.2], dtype=torch.float64)
    model.label_prior.copy_(prior)
    with torch.no_grad():
        for network in (model.encoder, model.decoder):
            for parameter in network.parameters():
                parameter.zero_()  # q(z|x, y) = N(0, I)
        last = model.decoder[0][-1].embedding
        last.weight[:2] = torch.randn(last.weight[:2].shape, generator=noise(), dtype=torch.float64)
    x = model.observe(images())
    by_class = torch.stack(
        [Independent(Bernoulli(logits=last.weight[y].view(SHAPE)), 3).log_prob(x) for y in range(2)], dim=1
    )
    expected = (by_class.exp() * prior).sum(1).log()
    torch.testing.assert_close(model.log_weights(images(), 4, noise()), expected.expand(4, -1))
    torch.testing.assert_close(model.log_likelihood_by_class(images()), by_class)
    labels = torch.tensor([0, 1, 1, 0, 1])
    given = model.log_weights(images(), 1, noise(), labels=labels)[0]
    torch.testing.assert_close(given, by_class[torch.arange(5), labels])
    torch.testing.assert_close(model.conditional_log_likelihood(images(), torch.zeros(2, 3)), expected.expand(2, -1))


def test_the_elbo_with_a_label_is_a_bound_of_the_joint_likelihood():
    model = conditional("vae")
    model.label_prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    x, eps = model.observe(images()), torch.randn(4, 5, 3, generator=noise(), dtype=torch.float64)
    bounds = model.bounds(x, eps, labels=LABELS)
    torch.testing.assert_close(bounds["elbo"], bounds["reconstruction"] - bounds["kl"])
    model.label_prior.copy_(torch.ones(3))  # then it is that of log p(x|y)
    without = model.bounds(x, eps, labels=LABELS)
    log_prior = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()[LABELS]
    for name in ("elbo", "objective"):
        torch.testing.assert_close(bounds[name], without[name] + log_prior)


def test_reconstructions_are_of_the_likeliest_label():
    model = conditional("vae")
    best = (model.log_likelihood_by_class(images()) + math.log(1 / 3)).argmax(1)
    torch.testing.assert_close(model.reconstruct(images()), model.reconstruct(images(), best))
