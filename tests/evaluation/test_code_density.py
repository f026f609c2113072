"""A fitted density has the codes' moments, and its samples have the density's."""

import io

import pytest
import torch

from genlab.capabilities import CanDecode, CanEncode, CanSample
from genlab.evaluation.ex_post import CodeDensity, fit_code_density, fit_ex_post
from genlab.models.autoencoder import Autoencoder
from genlab.models.vae import VAE

VARIANCE_FLOOR = 1e-6  # what the fit adds to each variance


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def codes():
    """(500, 3), neither Gaussian, nor centred, nor uncorrelated."""
    mixing = torch.tensor([[2.0, 0.0, 0.0], [-1.0, 0.5, 0.0], [0.3, 0.7, 3.0]], dtype=torch.float64)
    return torch.rand(500, 3, generator=seeded(0)).double() ** 2 @ mixing.T + torch.tensor([5.0, -1.0, 0.0])


@pytest.fixture
def clusters():
    """Four clusters of 40, 80, 120 and 160 points, 20 standard deviations and more apart, in a shuffled order."""
    sizes = torch.tensor([40, 80, 120, 160])
    centres = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 30.0], [-25.0, -25.0]], dtype=torch.float64)
    labels = torch.arange(4).repeat_interleave(sizes)[torch.randperm(400, generator=seeded(1))]
    return centres[labels] + torch.randn(400, 2, generator=seeded(2)).double(), labels


def covariances(density):
    return density.factors @ density.factors.mT


def moments(density):
    """Mean and covariance of the mixture."""
    mean = density.weights @ density.means
    offsets = density.means - mean
    within = torch.einsum("k,kij->ij", density.weights, covariances(density))
    return mean, within + torch.einsum("k,ki,kj->ij", density.weights, offsets, offsets)


def test_a_gaussian_has_the_mean_and_covariance_of_the_codes(codes):
    density = fit_code_density(codes, components=1)
    assert density.weights.tolist() == [1]
    torch.testing.assert_close(density.means[0], codes.mean(0))
    expected = codes.T.cov(correction=0) + VARIANCE_FLOOR * torch.eye(3)
    torch.testing.assert_close(covariances(density)[0], expected)


@pytest.mark.parametrize("components", [2, 5])
def test_so_has_a_mixture_as_a_whole(codes, components):
    """Each M step keeps Σ_k weights_k means_k and the mixture's covariance at those of the data."""
    mean, covariance = moments(fit_code_density(codes, components))
    torch.testing.assert_close(mean, codes.mean(0))
    torch.testing.assert_close(covariance, codes.T.cov(correction=0) + VARIANCE_FLOOR * torch.eye(3))


def test_a_mixture_finds_clusters_that_lie_apart(clusters):
    points, labels = clusters
    density = fit_code_density(points, components=4)
    order = density.weights.argsort()  # clusters are in the order of their sizes
    torch.testing.assert_close(density.weights[order], torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64))
    for k, component in enumerate(order):
        own = points[labels == k]
        torch.testing.assert_close(density.means[component], own.mean(0))
        expected = own.T.cov(correction=0) + VARIANCE_FLOOR * torch.eye(2)
        torch.testing.assert_close(covariances(density)[component], expected)


@pytest.mark.parametrize("components", [1, 4])
def test_samples_have_the_mean_and_covariance_of_the_density(codes, components):
    """Within five standard errors: √(S_ii / n) of a mean, √((S_ii S_jj + S_ij²) / n) of a Gaussian's covariance.

    The mixture's tails are lighter than a Gaussian's, and so is its error in the covariance.
    """
    n = 100_000
    density = fit_code_density(codes, components)
    mean, covariance = moments(density)
    samples = density.sample(n, seeded(3))
    assert ((samples.mean(0) - mean).abs() < 5 * (covariance.diag() / n).sqrt()).all()
    variances = covariance.diag()
    error = ((variances[:, None] * variances + covariance**2) / n).sqrt()
    assert ((samples.T.cov() - covariance).abs() < 5 * error).all()


def test_samples_fall_into_the_components_by_weight(clusters):
    """The counts are binomial: within five standard deviations, √(n w (1 − w))."""
    density, n = fit_code_density(clusters[0], components=4), 10_000
    nearest = torch.cdist(density.sample(n, seeded(4)), density.means).argmin(1).bincount(minlength=4)
    w = density.weights
    assert ((nearest - n * w).abs() < 5 * (n * w * (1 - w)).sqrt()).all()


def test_a_fit_is_a_function_of_codes_and_seed(codes):
    first, again = (fit_code_density(codes, 5, seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = fit_code_density(codes, 5, seed=4).state_dict()
    assert not torch.equal(first["means"], other["means"])


def test_a_generator_fixes_the_samples_and_leaves_the_global_state_alone(codes):
    density, state = fit_code_density(codes, 3), torch.get_rng_state()
    assert torch.equal(density.sample(9, seeded(5)), density.sample(9, seeded(5)))
    assert not torch.equal(density.sample(9, seeded(5)), density.sample(9, seeded(6)))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_latent_that_never_varies_does_no_harm(codes):
    codes[:, 1] = 7
    samples = fit_code_density(codes, 2).sample(100, seeded(7))
    assert (samples[:, 1] - 7).abs().max() < 5e-3  # five standard deviations of √10⁻⁶


def test_the_state_is_plain_tensors(codes):
    density, file = fit_code_density(codes, 3), io.BytesIO()
    torch.save(density.state_dict(), file)
    file.seek(0)
    loaded = CodeDensity(3, 3).double()
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(loaded.sample(5, seeded(8)), density.sample(5, seeded(8)))


@pytest.fixture
def images():
    return torch.randint(256, (64, 1, 4, 8), generator=seeded(9), dtype=torch.uint8)


@pytest.mark.parametrize("model", [Autoencoder, VAE])
def test_a_model_with_a_density_on_its_codes_samples_decoded_codes(model, images):
    model = model(latent_dim=2, hidden_dims=[8], image_shape=(1, 4, 8)).eval()
    sampler = fit_ex_post(model, images, components=2, batch_size=10)
    assert all(isinstance(sampler, can) for can in (CanSample, CanEncode, CanDecode))
    assert sampler.latent_dim == 2
    samples = sampler.sample(5, seeded(10))
    assert samples.shape == (5, 1, 4, 8)
    assert torch.equal(samples, model.decode(sampler.density.sample(5, seeded(10))))


def test_the_density_is_fitted_to_the_codes_of_images_between_0_and_1(images):
    model = Autoencoder(latent_dim=2, hidden_dims=[8], image_shape=(1, 4, 8))
    expected = model.encode(images / 255).mean(0)
    for form in (images, images / 255):
        torch.testing.assert_close(fit_ex_post(model, form, components=1).density.means[0], expected)
