"""Pictures of a model whose codes follow no prior: decoded noise, the manifold of its codes, ex-post samples."""

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from genlab.callbacks.latent_space import Manifold
from genlab.callbacks.samples import ExPostSamples, PriorNoise
from genlab.models.autoencoder import Autoencoder
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.pictures.grids import image_grid
from genlab.training.train import train


@pytest.fixture
def autoencoder():
    return Autoencoder(latent_dim=3, hidden_dims=[8]).eval().requires_grad_(False)


def test_decoded_noise_is_standard_normal_noise(autoencoder, trainer):
    picture = PriorNoise(n=16, seed=7).draw(trainer, autoencoder)
    noise = torch.randn(16, 3, generator=torch.Generator().manual_seed(7))
    assert torch.equal(picture, image_grid(autoencoder.decode(noise), 4))


@pytest.mark.parametrize("model", [VAE, GAN, LightningModule])
def test_models_that_sample_or_do_not_decode_have_no_such_picture(model, trainer):
    assert PriorNoise().draw(trainer, model()) is None


class Plane(LightningModule):
    """Codes are (x², −x) of one pixel x; decodes a code to an image of its first coordinate above its second."""

    latent_dim = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def encode(self, images):
        x = images[:, 0, 14, 20] * self.weight.detach()
        return torch.stack([x**2, -x], dim=1)

    def decode(self, z):
        return z.view(-1, 1, 2, 1)


def with_pixel(dataset, values):
    """Put grey values, one an image, where `Plane` looks."""
    dataset.images[:, 0, 14, 20] = torch.as_tensor(values, dtype=torch.uint8)


def test_the_manifold_without_a_prior_is_spread_over_the_quantiles_of_the_codes(trainer):
    """Of 50 pixels 5, 10, …, 250, in any order, a share u lies below 5 + 245 u; of their squares, to the chords."""
    values = 5 + 5 * torch.randperm(50, generator=torch.Generator().manual_seed(0))
    with_pixel(trainer.datamodule.val_set, values)
    pixels = Manifold(size=4).draw(trainer, Plane())[0, :18, -14:]  # without its axes
    # a cell is 2 high and 1 wide, behind lines of 2
    first, second = pixels[2::4, 2::3][:4, :4], pixels[3::4, 2::3][:4, :4]
    up = -(5 + 245 * torch.tensor([0.125, 0.375, 0.625, 0.875])) / 255  # from the top, the highest −x first
    torch.testing.assert_close(second, up.unsqueeze(1).expand(4, 4))
    # the places are 6.125, 18.375, 30.625 and 42.875 of 0 … 49: between the squares of neighbours that far
    below, part = torch.tensor([6, 18, 30, 42]), torch.tensor([0.125, 0.375, 0.625, 0.875])
    squares = (5 * (below + 1)) ** 2 * (1 - part) + (5 * (below + 2)) ** 2 * part
    torch.testing.assert_close(first, (squares / 255**2).expand(4, 4))


def test_ex_post_samples_follow_the_codes_of_training_images_taken_evenly(trainer):
    """Half of the training images are dark, half bright; a Gaussian on few of them has the mean and spread of both."""
    n = len(trainer.datamodule.train_set)
    with_pixel(trainer.datamodule.train_set, [51] * (n // 2) + [204] * (n - n // 2))
    size = 40
    pixels = ExPostSamples(components=1, images=100, n=size**2, seed=5).draw(trainer, Plane())[0]
    # each pixel is two pixels wide and high, behind lines of 2: a cell is 4 high and 2 wide
    second = pixels[4::6, 2::4][:size, :size]
    assert second.shape == (size, size)
    # −x is −0.2 or −0.8: mean −0.5, standard deviation 0.3; four standard errors over 1,600 samples
    assert second.mean().item() == pytest.approx(-0.5, abs=4 * 0.3 / size)
    assert second.std().item() == pytest.approx(0.3, abs=4 * 0.3 / (2**0.5 * size))


def test_more_components_than_images_are_as_many_as_images(autoencoder, trainer):
    picture = ExPostSamples(components=10, images=3, n=4).draw(trainer, autoencoder)
    assert picture.shape == (3, 2 * 58 + 2, 2 * 58 + 2) and picture.isfinite().all()


def test_no_components_draw_nothing(autoencoder, trainer):
    assert ExPostSamples(components=0).draw(trainer, autoencoder) is None


@pytest.mark.parametrize("model", [GAN, LightningModule])
def test_models_without_codes_draw_nothing(model, trainer):
    assert ExPostSamples().draw(trainer, model()) is None


@pytest.mark.parametrize(("components", "pictures"), [(0, 0), (1, 1)])
def test_for_a_vae_they_are_there_on_request(components, pictures, compose_config, tmp_path):
    setting = f"callbacks.ex_post_samples.components={components}"
    train(compose_config("model=vae", "model.hidden_dims=[16]", "debug=fast", setting))
    folder = tmp_path / "run" / "images" / "ex_post_samples"
    assert [path.name for path in folder.glob("*")] == ["epoch_0002.png"] * pictures
