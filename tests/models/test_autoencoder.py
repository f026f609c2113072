"""The autoencoder's errors, what it has and what it lacks, and a whole run of it."""

import json

import pytest
import torch
from pydantic import ValidationError

from genlab.capabilities import CanDecode, CanEncode, CanReconstruct, CanSample, CanWeigh, Reports, units_of
from genlab.models.autoencoder import Autoencoder
from genlab.training.train import train

SHAPE = (1, 4, 8)


def autoencoder(**arguments):
    torch.manual_seed(0)
    return Autoencoder(latent_dim=3, hidden_dims=[16], image_shape=SHAPE, **arguments).double()


@pytest.fixture
def images():
    return torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1)).double()


def test_bernoulli_is_the_cross_entropy_with_the_grey_image(images):
    model = autoencoder(reconstruction_loss="bernoulli")
    x, x_hat = images.flatten(1), model.reconstruct(images).flatten(1)
    expected = -(x * x_hat.log() + (1 - x) * (1 - x_hat).log()).sum(1)
    torch.testing.assert_close(model.reconstruction_error(images), expected)


def test_squared_error_is_summed_over_the_pixels(images):
    model = autoencoder(reconstruction_loss="squared_error")
    expected = torch.stack(
        [(x - x_hat).norm() ** 2 for x, x_hat in zip(images, model.reconstruct(images), strict=True)]
    )
    torch.testing.assert_close(model.reconstruction_error(images), expected)


@pytest.mark.parametrize("loss", ["bernoulli", "squared_error"])
def test_training_minimises_the_mean_error_over_images(loss, images):
    model = autoencoder(reconstruction_loss=loss)
    step = model.training_step((images, torch.zeros(6)), 0)
    torch.testing.assert_close(step["loss"], model.reconstruction_error(images).sum() / 6)
    assert step["reconstruction_error"] == step["loss"] > 0


def test_reconstructions_are_decoded_codes(images):
    model = autoencoder()
    assert torch.equal(model.reconstruct(images), model.decode(model.encode(images)))


def test_it_encodes_and_decodes_and_has_no_prior_and_no_likelihood():
    model = autoencoder()
    assert all(isinstance(model, can) for can in (CanEncode, CanDecode, CanReconstruct, Reports))
    assert not any(isinstance(model, can) for can in (CanSample, CanWeigh))


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
@pytest.mark.parametrize("loss", ["bernoulli", "squared_error"])
def test_every_parameter_gets_a_gradient(architecture, loss):
    model = Autoencoder(latent_dim=2, hidden_dims=[8, 6], architecture=architecture, reconstruction_loss=loss)
    model.reconstruction_error(torch.rand(5, 1, 28, 28)).mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_images_have_their_shape_and_range(architecture):
    model = Autoencoder(latent_dim=2, hidden_dims=[8], architecture=architecture)
    assert model.encode(torch.rand(5, 1, 28, 28)).shape == (5, 2)
    assert model.decode(torch.randn(3, 5, 2)).shape == (3, 5, 1, 28, 28)
    images = model.decode(100 * torch.randn(5, 2))
    assert 0 <= images.min() < images.max() <= 1


@pytest.mark.parametrize(("loss", "unit"), [("bernoulli", "nats per image"), ("squared_error", "squared grey levels")])
def test_the_unit_is_that_of_the_loss(loss, unit):
    model = autoencoder(reconstruction_loss=loss)
    assert units_of(model).startswith(unit)
    assert model.protocol["reconstruction_error"].startswith(unit)


@pytest.mark.parametrize(
    "wrong",
    [{"latent_dim": 0}, {"reconstruction_loss": "mse"}, {"learning_rate": 0.0}, {"hidden_dims": [0]}, {"beta": 1.0}],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        Autoencoder(**wrong)


def test_a_whole_run_has_every_picture_but_samples(compose_config, tmp_path):
    small = ["model.latent_dim=2", "model.hidden_dims=[16]", "debug=fast", "trainer.max_epochs=1"]
    metrics = train(compose_config("model=autoencoder", *small))
    assert {f"{split}/reconstruction_error" for split in ("train", "val", "test")} <= set(metrics)
    assert metrics["test/reconstruction_error"] > 0
    run = tmp_path / "run"
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["model"]) == ("finished", "Autoencoder")
    assert "nats per image" in summary["protocol"]["test/reconstruction_error"]
    pictures = {path.name for path in (run / "images").iterdir()}
    everywhere = {"reconstructions", "interpolation", "traversals", "decoded_noise", "codes", "manifold"}
    assert pictures == everywhere | {"ex_post_samples"}
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    model = Autoencoder(**checkpoint["hyper_parameters"])
    model.load_state_dict(checkpoint["state_dict"])
