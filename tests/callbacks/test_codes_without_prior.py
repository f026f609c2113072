"""Pictures of a model whose codes follow no prior: decoded noise, the manifold of its codes, ex-post samples."""

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn

from genlab.callbacks.ex_post_samples import ExPostSamples
from genlab.callbacks.manifold import Manifold
from genlab.callbacks.picture import grid
from genlab.callbacks.prior_noise import PriorNoise
from genlab.data.datamodule import ImageDataModule
from genlab.evaluation.ex_post import fit_ex_post
from genlab.models.autoencoder import Autoencoder
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.training.train import train


@pytest.fixture
def trainer(mnist_root):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.datamodule = ImageDataModule("mnist", root=str(mnist_root))
    trainer.datamodule.setup()
    return trainer


@pytest.fixture
def autoencoder():
    return Autoencoder(latent_dim=3, hidden_dims=[8]).eval().requires_grad_(False)


def test_decoded_noise_is_standard_normal_noise(autoencoder, trainer, tmp_path):
    picture = PriorNoise(n=16, seed=7).draw(trainer, autoencoder)
    noise = torch.randn(16, 3, generator=torch.Generator().manual_seed(7))
    assert torch.equal(picture, grid(autoencoder.decode(noise), 4))


@pytest.mark.parametrize("model", [VAE, GAN, LightningModule])
def test_models_that_sample_or_do_not_decode_have_no_such_picture(model, trainer, tmp_path):
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


def test_the_manifold_without_a_prior_is_spread_over_the_quantiles_of_the_codes(trainer, tmp_path):
    model = Plane()
    pixels = Manifold(size=4).draw(trainer, model)[0]
    # a cell is 2 high and 1 wide, behind lines of 2
    first, second = pixels[2::4, 2::3][:4, :4], pixels[3::4, 2::3][:4, :4]
    codes = model.encode(trainer.datamodule.val_set.images / 255)
    across, up = codes.quantile(torch.tensor([0.125, 0.375, 0.625, 0.875]), dim=0).T
    torch.testing.assert_close(first, across.expand(4, 4))
    torch.testing.assert_close(second, up.flip(0).unsqueeze(1).expand(4, 4))


def test_ex_post_samples_are_those_of_a_density_on_the_codes_of_training_images(autoencoder, trainer, tmp_path):
    picture = ExPostSamples(components=2, images=100, n=9, seed=5).draw(trainer, autoencoder)
    sampler = fit_ex_post(autoencoder, trainer.datamodule.train_set.images[:100], components=2, seed=5)
    assert torch.equal(picture, grid(sampler.sample(9, torch.Generator().manual_seed(5)), 3))


def test_no_components_draw_nothing(autoencoder, trainer, tmp_path):
    assert ExPostSamples(components=0).draw(trainer, autoencoder) is None


@pytest.mark.parametrize("model", [GAN, LightningModule])
def test_models_without_codes_draw_nothing(model, trainer, tmp_path):
    assert ExPostSamples().draw(trainer, model()) is None


@pytest.mark.parametrize(("components", "pictures"), [(0, 0), (1, 1)])
def test_for_a_vae_they_are_there_on_request(components, pictures, compose_config, tmp_path):
    setting = f"callbacks.ex_post_samples.components={components}"
    train(compose_config("model=vae", "model.hidden_dims=[16]", "debug=fast", setting))
    folder = tmp_path / "run" / "images" / "ex_post_samples"
    assert [path.name for path in folder.glob("*")] == ["epoch_0002.png"] * pictures
