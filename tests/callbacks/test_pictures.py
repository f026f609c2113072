"""Pictures ask what a model can do, and disturb nothing."""

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from genlab.callbacks.latent_space import CodeScatter, Manifold
from genlab.callbacks.picture import undisturbed
from genlab.callbacks.reconstructions import Reconstructions
from genlab.callbacks.samples import Samples
from genlab.models.vae import VAE


class Mute(LightningModule):
    """A model that can do nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)


@pytest.mark.parametrize("picture", [Samples, Reconstructions, Manifold, CodeScatter])
def test_a_model_that_cannot_is_skipped(picture, trainer):
    assert picture().draw(trainer, Mute()) is None


@pytest.mark.parametrize("picture", [Manifold, CodeScatter])
def test_planes_need_two_latent_dimensions(picture, trainer):
    assert picture().draw(trainer, VAE(latent_dim=3, hidden_dims=[8])) is None


@pytest.mark.parametrize(
    ("picture", "shape"),
    [
        (Samples, (3, 8 * 58 + 2, 8 * 58 + 2)),  # 64 images of 56 pixels with lines of 2
        (Reconstructions, (3, 8 * 58 + 2, 8 * 58 + 2)),
        (Manifold, (3, 20 * 30 + 2 + 20, 20 * 30 + 2 + 40)),  # with its axes
        (CodeScatter, (3, 600, 600)),
    ],
)
def test_pictures_have_their_size_and_range(picture, shape, trainer):
    with torch.no_grad():
        drawn = picture().draw(trainer, VAE(latent_dim=2, hidden_dims=[8]).eval())
    assert drawn.shape == shape
    assert 0 <= drawn.min() < drawn.max() <= 1


class Plane(LightningModule):
    """Decodes z to an image of its first coordinate above its second."""

    latent_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def decode(self, z):
        return torch.special.ndtr(z).view(-1, 1, 2, 1)


def test_the_manifold_is_the_inverse_cdf_of_a_grid_over_the_unit_square(trainer):
    pixels = Manifold(size=4).draw(trainer, Plane())[0, :18, -14:]  # without its axes
    # a cell is 2 high and 1 wide, behind lines of 2
    first, second = pixels[2::4, 2::3][:4, :4], pixels[3::4, 2::3][:4, :4]
    centres = torch.tensor([0.125, 0.375, 0.625, 0.875])
    torch.testing.assert_close(first, centres.expand(4, 4))
    torch.testing.assert_close(second, centres.flip(0).unsqueeze(1).expand(4, 4))


def test_originals_stand_above_their_reconstructions(trainer):
    class Negative(Mute):
        def reconstruct(self, images):
            return 1 - images

    picture = Reconstructions(rows=1).draw(trainer, Negative())
    above, below = picture[:, 2:58], picture[:, 60:116]
    first = trainer.datamodule.val_set.images[0, 0] / 255
    torch.testing.assert_close(above[0, ::2, 2:58:2], first)
    torch.testing.assert_close(below[0, ::2, 2:58:2], 1 - first)


def test_undisturbed_puts_back_modes_and_random_state():
    model = nn.Sequential(nn.Dropout(), nn.Dropout())
    module = Mute()
    module.inner = model
    module.train()
    model[1].eval()
    before = torch.get_rng_state()
    with undisturbed(module):
        assert not module.training
        assert not torch.is_grad_enabled()
        torch.rand(10)
    assert (module.training, model[0].training, model[1].training) == (True, True, False)
    assert torch.equal(torch.get_rng_state(), before)
