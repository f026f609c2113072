"""Pictures of conditional models: the noise, or the latent point, is the same under every label."""

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import nn

from genlab.callbacks.by_class import Analogies, SamplesByClass
from genlab.callbacks.latent_space import CodeScatter, Interpolation, Manifold, Traversals
from genlab.models.vae import VAE
from genlab.pictures.by_class import shown_classes
from genlab.pictures.grids import image_grid


class Told(LightningModule):
    """Half of an image is its latent, the other half its label. Notes the labels that it is told."""

    conditional = True

    def __init__(self, num_classes=10, latent_dim=1):
        super().__init__()
        self.num_classes, self.latent_dim = num_classes, latent_dim
        self.one = nn.Parameter(torch.ones(()))
        self.register_buffer("label_prior", torch.full((num_classes,), 1 / num_classes))

    def encode(self, images, labels=None):
        self.encoded = labels
        return images.flatten(1)[:, 400 : 400 + self.latent_dim] * self.one

    def decode(self, z, labels=None):
        self.decoded = z.detach(), labels
        style = z.mean(1).sigmoid().view(-1, 1, 1, 1).expand(-1, 1, 28, 14)
        return torch.cat([style, (labels / self.num_classes).view(-1, 1, 1, 1).expand_as(style)], dim=-1)

    def sample(self, n, generator=None, *, labels=None):
        return self.decode(torch.randn(n, self.latent_dim, generator=generator), labels)


def halves(picture, rows, columns):
    """(rows, columns) of styles and of labels; an image is 56 pixels wide, behind lines of 2."""
    return picture[0, 2::58, 2::58][:rows, :columns], picture[0, 2::58, 30::58][:rows, :columns]


def test_a_row_is_a_class_and_a_column_a_noise(trainer):
    picture = SamplesByClass(columns=5, seed=3).draw(trainer, Told())
    styles, labels = halves(picture, 10, 5)
    noise = torch.randn(5, 1, generator=torch.Generator().manual_seed(3)).sigmoid().flatten()
    torch.testing.assert_close(styles, noise.expand(10, 5))
    torch.testing.assert_close(labels, (torch.arange(10) / 10).view(10, 1).expand(10, 5))


@pytest.mark.parametrize(("classes", "rows"), [(2, 2), (30, 30), (100, 30)])
def test_there_are_as_many_rows_as_classes_and_thirty_at_most(classes, rows, trainer):
    picture = SamplesByClass(columns=1).draw(trainer, Told(classes))
    assert picture.shape[1] == 2 + 58 * rows
    shown = shown_classes(classes)
    assert (shown[0], shown[-1], len(shown.unique())) == (0, classes - 1, rows)


def test_an_image_keeps_its_style_under_every_label(trainer):
    model = Told()
    picture = Analogies(rows=3).draw(trainer, model)
    images, own = trainer.datamodule.val_set.__getitems__([0, 1, 2])
    assert torch.equal(model.encoded, own)
    z, labels = model.decoded
    assert torch.equal(z, images.flatten(1)[:, 400:401].repeat_interleave(10, 0))
    assert torch.equal(labels, torch.arange(10).repeat(3))
    styles, classes = (half[:, 1:] for half in halves(picture, 3, 11))
    assert torch.equal(styles, styles[:, :1].expand(3, 10))
    torch.testing.assert_close(classes, (torch.arange(10) / 10).expand(3, 10))
    torch.testing.assert_close(picture[0, 2:58:2, 2:58:2], images[0, 0])


def test_the_label_of_a_way_changes_in_its_middle(trainer):
    model = Told()
    Interpolation(rows=2, columns=4).draw(trainer, model)
    _, own = trainer.datamodule.val_set.__getitems__([0, 1, 2, 3])
    assert torch.equal(model.encoded, own)
    told = model.decoded[1].view(2, 4)
    assert torch.equal(told, torch.stack([own[:2], own[:2], own[2:], own[2:]], dim=1))


def test_other_pictures_of_latents_are_told_labels_too(trainer):
    model = Told(latent_dim=2)
    _, own = trainer.datamodule.val_set.__getitems__([0])
    Traversals(rows=2, steps=2).draw(trainer, model)
    assert torch.equal(model.decoded[1], own.expand(10))
    Manifold(size=3).draw(trainer, model)
    assert torch.equal(model.decoded[1], torch.zeros(9, dtype=torch.long))
    with torch.no_grad():
        CodeScatter(n=50).draw(trainer, model)
    assert len(model.encoded) == 50


@pytest.mark.parametrize("picture", [SamplesByClass, Analogies])
def test_a_model_without_labels_has_no_such_picture(picture, trainer):
    assert picture().draw(trainer, VAE(latent_dim=2, hidden_dims=[8])) is None


def test_a_vae_has_both(trainer):
    model = VAE(latent_dim=2, hidden_dims=[8], conditional=True).eval()
    for name, parameter in model.named_parameters():
        if "embedding" in name:  # zero before training
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        by_class = SamplesByClass().draw(trainer, model)
        analogies = Analogies(rows=2).draw(trainer, model)
        images, labels = trainer.datamodule.val_set.__getitems__([0, 1])
        z = model.encode(images, labels)
        expected = torch.stack([images, *(model.decode(z, torch.full((2,), y)) for y in range(10))], dim=1)
    assert by_class.shape == (3, 10 * 58 + 2, 10 * 58 + 2)
    torch.testing.assert_close(analogies, image_grid(expected.flatten(0, 1), 11))
    assert not torch.equal(by_class[:, :58], by_class[:, 58:116])
