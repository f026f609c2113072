"""One latent at a time, for models with different capabilities."""

import pytest
import torch
from pydantic import ValidationError
from pytorch_lightning import LightningModule
from torch import nn

from genlab.callbacks.latent_space import Traversals
from genlab.models.autoencoder import Autoencoder
from genlab.models.vae import VAE
from genlab.pictures.grids import image_grid


class Decoder(LightningModule):
    """No code for an image. Notes what it decodes."""

    latent_dim = 4

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def decode(self, z):
        self.decoded = z.detach()
        return (self.one * z.flatten(1).mean(1)).sigmoid().view(-1, 1, 1, 1).expand(-1, 1, 28, 28)


class WithCodes(Decoder):
    """Code d is d + 1 times a pixel of the middle of the image and more, so its scale grows with d; no prior."""

    def encode(self, images):
        return (images.flatten(1)[:, 400:404] + 0.3) * torch.arange(1, 5) * self.one


class WithPrior(WithCodes):
    def sample(self, n, generator=None):
        return self.decode(torch.randn(n, 4, generator=generator))


class Flow(Decoder):
    """784 latents in the shape of an image, and no `latent_dim`."""

    latent_dim = property()  # AttributeError

    def encode(self, images):
        return images - 0.5

    def sample(self, n, generator=None):
        return self.decode(torch.randn(n, 1, 28, 28, generator=generator))


class Encoder(LightningModule):
    def encode(self, images):
        return images.flatten(1)


def traversed(model, trainer, **arguments):
    """What was decoded, (rows, columns, …)."""
    with torch.no_grad():
        picture = Traversals(**arguments).draw(trainer, model)
    columns = 2 * arguments.get("steps", 5) + 1
    path = model.decoded.unflatten(0, (-1, columns))
    images = model.decode(path.flatten(0, 1)).unflatten(0, path.shape[:2])
    middle = columns // 2
    effects = torch.stack([(row - row[middle]).square().mean() for row in images])
    shown = effects.argsort(descending=True, stable=True)[: arguments.get("rows", 10)]
    grid = image_grid(images[shown].flatten(0, 1), columns)
    assert torch.equal(picture[:, : grid.shape[1], -grid.shape[2] :], grid)
    return path


def validation_codes(model, trainer, n=200):
    return model.encode(trainer.datamodule.val_set.images[:n] / 255).detach()


@pytest.mark.parametrize("model", [LightningModule, Encoder])
def test_a_model_that_cannot_is_skipped(model, trainer):
    assert Traversals().draw(trainer, model()) is None


@pytest.mark.parametrize("model", [VAE, Autoencoder])
@pytest.mark.parametrize(("latent_dim", "rows"), [(3, 3), (30, 10)])
def test_the_picture_has_a_row_for_each_latent_up_to_ten(model, latent_dim, rows, trainer):
    with torch.no_grad():
        picture = Traversals().draw(trainer, model(latent_dim=latent_dim, hidden_dims=[8]).eval())
    assert picture.shape == (3, rows * 58 + 2 + 20, 11 * 58 + 2 + 40)


@pytest.mark.parametrize("model", [WithCodes, WithPrior])
def test_the_middle_column_is_the_code_itself(model, trainer):
    model = model()
    path = traversed(model, trainer)
    assert torch.equal(path[:, 5], validation_codes(model, trainer)[:1].expand(4, -1))


def test_with_a_prior_each_row_moves_one_latent_from_minus_to_plus_three(trainer):
    path = traversed(WithPrior(), trainer, steps=2)
    moved = path - path[:, 2:3]
    t = torch.tensor([-3, -1.5, 0, 1.5, 3])
    torch.testing.assert_close(moved, torch.eye(4).unsqueeze(1) * t.view(1, 5, 1))


def test_without_one_the_unit_is_the_standard_deviation_of_validation_codes(trainer):
    model = WithCodes()
    path = traversed(model, trainer)
    sigma = validation_codes(model, trainer).std(0)
    torch.testing.assert_close(path[:, -1] - path[:, 5], 3 * sigma.diag())
    torch.testing.assert_close(path[:, 0] - path[:, 5], -3 * sigma.diag())


class Weighted(WithPrior):
    """Latent d counts for (3, 0, 1, 2)[d] in the image, though the codes of the last vary most."""

    def decode(self, z):
        return super().decode(z * torch.tensor([3.0, 0, 1, 2]))


def test_the_latents_that_change_the_image_most_come_first_under_their_numbers(trainer, monkeypatch):
    told = []
    monkeypatch.setattr(
        "genlab.pictures.latent_space.with_axes", lambda grid, rows, columns: told.extend([rows, columns]) or grid
    )
    assert Traversals(rows=3).draw(trainer, Weighted()).shape == (3, 3 * 58 + 2, 11 * 58 + 2)
    rows, columns = told
    assert [words for _, words in rows] == ["z1", "z4", "z3"]
    assert [words for _, words in columns] == ["−3", "0", "+3"]
    Traversals().draw(trainer, WithCodes())
    assert [words for _, words in told[-1]] == ["−3σ", "0", "+3σ"]  # of the codes


def test_of_many_latents_the_twenty_whose_codes_vary_most_are_measured(trainer):
    class Many(Flow):
        def encode(self, images):
            return images * torch.arange(784).view(1, 28, 28)

    model = Many()
    path = traversed(model, trainer)
    largest = validation_codes(model, trainer).flatten(1).std(0).argsort(descending=True, stable=True)[:20]
    assert (path[:, -1] != path[:, 5]).flatten(1).nonzero()[:, 1].tolist() == largest.sort().values.tolist()


def test_without_an_encoder_the_middle_is_zero_and_the_latents_are_the_first(trainer):
    path = traversed(Decoder(), trainer, rows=3, steps=1)
    expected = torch.eye(4).unsqueeze(1) * torch.tensor([-3.0, 0, 3]).view(1, 3, 1)
    assert torch.equal(path, expected)


def test_a_flow_gets_as_many_rows_as_others(trainer):
    path = traversed(Flow(), trainer, rows=25)
    assert path.shape == (25, 11, 1, 28, 28)
    assert ((path[:, -1] - path[:, 5]).flatten(1) != 0).sum(1).tolist() == [1] * 25


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"steps": 0}, {"images": 1}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        Traversals(**wrong)
