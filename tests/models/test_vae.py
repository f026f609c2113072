"""The VAE's bounds, and what belongs to its observation space."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from genlab.models.fixed_noise import fixed_normal
from genlab.models.vae import VAE

SHAPE = (1, 4, 8)
PARTS = ("elbo", "reconstruction", "kl", "objective")


@pytest.fixture
def vae():
    torch.manual_seed(0)
    return VAE(latent_dim=3, hidden_dims=[16], image_shape=SHAPE).double().eval()


@pytest.fixture
def x():
    return (torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1)) < 0.4).double()


def noise(k, latent_dim=3, seed=2):
    return torch.randn(k, 6, latent_dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distributions(vae, x, noise):
    """(log p(x|z), log p(z), log q(z|x), KL) by torch.distributions."""
    mu, log_var = vae.posterior(x)
    q = Independent(Normal(mu, torch.exp(log_var).sqrt()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    z = mu + torch.exp(log_var).sqrt() * noise
    p = Independent(Bernoulli(logits=vae.logits(z)), 3)
    return p.log_prob(x.expand(len(noise), *x.shape)), prior.log_prob(z), q.log_prob(z), kl_divergence(q, prior)


def test_elbo_is_the_expected_log_likelihood_minus_the_kl(vae, x):
    log_likelihood, _, _, kl = distributions(vae, x, noise(4))
    bounds = vae.bounds(x, noise(4))
    torch.testing.assert_close(bounds["reconstruction"], log_likelihood.mean(0))
    torch.testing.assert_close(bounds["kl"], kl)
    torch.testing.assert_close(bounds["elbo"], log_likelihood.mean(0) - kl)


def test_with_one_sample_training_maximises_the_elbo(vae, x):
    bounds = vae.bounds(x, noise(1))
    assert torch.equal(bounds["objective"], bounds["elbo"])


def test_beta_weighs_the_kl_in_the_objective_alone(vae, x):
    bounds = vae.bounds(x, noise(1), beta=0.3)
    torch.testing.assert_close(bounds["objective"], bounds["reconstruction"] - 0.3 * bounds["kl"])
    torch.testing.assert_close(bounds["elbo"], bounds["reconstruction"] - bounds["kl"])


def test_with_many_samples_training_maximises_the_importance_weighted_bound(vae, x):
    log_likelihood, log_prior, log_q, _ = distributions(vae, x, noise(7))
    expected = (log_likelihood + log_prior - log_q).logsumexp(0) - math.log(7)
    torch.testing.assert_close(vae.bounds(x, noise(7))["objective"], expected)


@pytest.mark.parametrize("k", [2, 5, 50])
def test_the_importance_weighted_bound_is_at_least_the_elbo_on_the_same_samples(vae, x, k):
    log_likelihood, log_prior, log_q, _ = distributions(vae, x, noise(k))
    elbo = (log_likelihood + log_prior - log_q).mean(0)
    assert (vae.bounds(x, noise(k))["objective"] > elbo).all()


def test_beta_weighs_the_log_ratio_of_many_samples(vae, x):
    log_likelihood, log_prior, log_q, _ = distributions(vae, x, noise(7))
    expected = (log_likelihood + 0.3 * (log_prior - log_q)).logsumexp(0) - math.log(7)
    torch.testing.assert_close(vae.bounds(x, noise(7), beta=0.3)["objective"], expected)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("k", "labels"), [(1, None), (3, None), (1, 20)])
def test_a_beta_in_a_tensor_gives_the_same_to_the_bit(precision, k, labels):
    torch.manual_seed(0)
    vae = VAE(latent_dim=3, hidden_dims=[16], importance_samples=k, labels=labels, image_shape=SHAPE)
    x, eps = (torch.rand(6, *SHAPE) < 0.4).float(), torch.randn(k, 6, 3)
    bounds = vae.bounds if labels is None else vae.bounds_without_labels
    found = []
    for beta in (0.7, torch.tensor(0.7)):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            objective = bounds(x, eps, beta)["objective"].mean()
        found.append([objective, *torch.autograd.grad(objective, list(vae.encoder.parameters()))])
    assert all(torch.equal(by_number, by_tensor) for by_number, by_tensor in zip(*found, strict=True))


@pytest.mark.parametrize("k", [1, 3])
def test_a_training_step_lowers_minus_the_mean_objective(k):
    torch.manual_seed(0)
    vae = VAE(latent_dim=3, hidden_dims=[16], image_shape=SHAPE, binarization="none", importance_samples=k, beta=0.7)
    images = torch.rand(6, *SHAPE)
    torch.manual_seed(1)
    step = vae.training_step((images, torch.zeros(6)), 0)
    torch.manual_seed(1)
    bounds = vae.bounds(images, torch.randn(k, 6, 3), beta=0.7)
    torch.testing.assert_close(step.pop("loss"), -bounds.pop("objective").mean())
    torch.testing.assert_close(step, {name: value.mean() for name, value in bounds.items()})


def test_validation_measures_each_image_with_its_own_noise(vae, monkeypatch):
    images, logged = torch.rand(6, *SHAPE).double(), {}
    monkeypatch.setattr(vae, "log_dict", lambda means, **_: logged.update(means))
    vae.validation_step((images, torch.zeros(6)), 0)
    bounds = vae.bounds(vae.observe(images), fixed_normal(images, (3,)).unsqueeze(0))
    assert logged == {f"val/{name}": bounds[name].mean() for name in ("elbo", "reconstruction", "kl")}


def test_reconstructions_are_decoded_posterior_means(vae):
    images = torch.rand(6, *SHAPE).double()
    mu, _ = vae.posterior(vae.observe(images))
    assert torch.equal(vae.encode(images), mu)
    assert torch.equal(vae.reconstruct(images), torch.sigmoid(vae.logits(mu)))


def test_samples_are_decoded_draws_of_the_prior(vae):
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(7)).double()
    assert torch.equal(vae.sample(4, torch.Generator().manual_seed(7)), vae.decode(z))


def test_conditional_log_likelihood_is_of_every_pair(vae):
    images = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(5)).double()
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(4)).double()
    found = vae.conditional_log_likelihood(images, z)
    x = vae.observe(images)
    for row, one in zip(found, z, strict=True):
        logits = vae.logits(one.unsqueeze(0)).expand_as(x)
        torch.testing.assert_close(row, Independent(Bernoulli(logits=logits), 3).log_prob(x))


def test_log_weights_are_of_the_joint_over_the_proposal(vae):
    images = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(5)).double()
    log_weights = vae.log_weights(images, 9, torch.Generator().manual_seed(4))
    draws = torch.randn(9, 6, 3, generator=torch.Generator().manual_seed(4)).double()
    log_likelihood, log_prior, log_q, _ = distributions(vae, vae.observe(images), draws)
    torch.testing.assert_close(log_weights, log_likelihood + log_prior - log_q)


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_every_parameter_gets_a_gradient(architecture):
    vae = VAE(latent_dim=2, hidden_dims=[8, 6], architecture=architecture)
    x = torch.rand(5, 1, 28, 28).round()
    vae.bounds(x, torch.randn(1, 5, 2))["objective"].mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vae.parameters())


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_images_have_their_shape_and_range(architecture):
    vae = VAE(latent_dim=2, hidden_dims=[8], architecture=architecture).eval()
    for images in (vae.sample(5), vae.reconstruct(torch.rand(5, 1, 28, 28)), vae.decode(torch.randn(5, 2))):
        assert images.shape == (5, 1, 28, 28)
        assert 0 <= images.min() <= images.max() <= 1


def test_a_generator_fixes_the_samples(vae):
    first, second = (vae.sample(4, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)


def test_training_draws_x_anew_and_evaluation_does_not(vae):
    images = torch.rand(6, *SHAPE).double()
    assert torch.equal(vae.observe(images), vae.observe(images))
    vae.train()
    assert not torch.equal(vae.observe(images), vae.observe(images))


def test_threshold_cuts_at_one_half():
    vae = VAE(binarization="threshold", image_shape=(1, 1, 4))
    assert vae.observe(torch.tensor([0.0, 0.4, 0.6, 1.0]).view(1, 1, 1, 4)).flatten().tolist() == [0, 0, 1, 1]


def test_none_keeps_the_greys():
    images = torch.rand(2, *SHAPE)
    assert VAE(binarization="none", image_shape=SHAPE).observe(images) is images


@pytest.mark.parametrize(
    "wrong",
    [
        {"latent_dim": 0},
        {"latent_dim": "2"},
        {"hidden_dims": [100, 0]},
        {"architecture": "transformer"},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"beta": -1.0},
        {"importance_samples": 0},
        {"binarization": "dynamic"},
        {"depth": 3},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        VAE(**wrong)


def test_convolutions_need_sizes_divisible_by_four():
    with pytest.raises(ValueError, match="divisible by 4, got 30x28"):
        VAE(architecture="convolutional", image_shape=(1, 30, 28))
