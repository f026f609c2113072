"""The picture of the way between two latent points, for models with different capabilities."""

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from genlab.callbacks.latent_space import Interpolation
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.pictures.grids import image_grid
from genlab.pictures.latent_space import linear_interpolation, spherical_interpolation


class Autoencoder(LightningModule):
    """Codes are images plus 1 in a given shape; no prior. Notes what it decodes."""

    def __init__(self, shape=(28 * 28,)):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))
        self.shape = shape

    def encode(self, images):
        return images.reshape(-1, *self.shape) + self.one

    def decode(self, z):
        self.decoded = z.detach()
        return (z - self.one).reshape(-1, 1, 28, 28)


class Flow(Autoencoder):
    """The same with a prior, and codes in the shape of images."""

    def __init__(self):
        super().__init__((1, 28, 28))

    def sample(self, n, generator=None):
        return self.decode(torch.randn(n, *self.shape, generator=generator))


class Decoder(LightningModule):
    """No code for an image."""

    latent_dim = 3

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 28 * 28)

    def decode(self, z):
        self.decoded = z.detach()
        return self.layer(z).sigmoid().view(-1, 1, 28, 28)

    def sample(self, n, generator=None):
        return self.decode(torch.randn(n, 3, generator=generator))


class Mute(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)


class Encoder(Mute):
    def encode(self, images):
        return images.flatten(1)


def drawn(model, trainer, rows=3, columns=5):
    with torch.no_grad():
        return Interpolation(rows=rows, columns=columns).draw(trainer, model)


@pytest.mark.parametrize("model", [Mute, Encoder])
def test_a_model_that_cannot_is_skipped(model, trainer):
    assert drawn(model(), trainer) is None


@pytest.mark.parametrize("model", [VAE, GAN, Autoencoder, Flow, Decoder])
def test_the_picture_has_a_row_for_each_path(model, trainer):
    assert drawn(model(), trainer).shape == (3, 3 * 58 + 2, 5 * 58 + 2)


@pytest.mark.parametrize(
    ("model", "path"),
    [(Autoencoder, linear_interpolation), (Flow, spherical_interpolation)],
    ids=["linear", "spherical"],
)
def test_the_way_between_codes_is_spherical_where_there_is_a_prior(model, path, trainer):
    model = model()
    drawn(model, trainer)
    images = trainer.datamodule.val_set.images[:6] / 255
    start, end = model.encode(images).detach().flatten(1).chunk(2)
    t = torch.linspace(0, 1, 5).view(-1, 1, 1)
    expected = path(start, end, t).transpose(0, 1).reshape(15, *model.shape)  # row by row
    torch.testing.assert_close(model.decoded, expected)


@pytest.mark.parametrize("model", [Autoencoder, Flow])
def test_the_ends_are_the_codes_of_validation_images(model, trainer):
    model = model()
    drawn(model, trainer)
    codes = model.encode(trainer.datamodule.val_set.images[:6] / 255).detach()
    ends = model.decoded.unflatten(0, (3, 5))[:, [0, -1]]
    assert torch.equal(ends, torch.stack(codes.chunk(2), dim=1))


def test_without_an_encoder_the_ends_are_fixed_noise(trainer):
    model = Decoder()
    drawn(model, trainer)
    ends = model.decoded.unflatten(0, (3, 5))[:, [0, -1]]
    noise = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ends, torch.stack(noise.chunk(2), dim=1))


def test_what_is_drawn_is_what_is_decoded(trainer):
    model = Decoder()
    picture = drawn(model, trainer)
    assert torch.equal(picture, image_grid(model.decode(model.decoded), 5))
