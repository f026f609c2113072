"""The picture of samples on their way."""

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn

from genlab.callbacks.trajectory import Trajectory
from genlab.models.vae import VAE


class Way(LightningModule):
    """Sample i at moment j is grey (i + j/10)/10, plus noise of at most 0.01."""

    way = ("t", "It changes.")

    def __init__(self):
        super().__init__()
        self.like = nn.Parameter(torch.zeros(1))

    def trajectory(self, n, moments, generator=None):
        grey = torch.arange(n).view(-1, 1) / 10 + torch.arange(moments) / 100
        noise = 0.01 * torch.rand(1, generator=generator)
        return (grey + noise).view(n, moments, 1, 1, 1).expand(-1, -1, 1, 4, 4)


def test_a_row_is_a_sample_and_a_column_a_moment():
    picture = Trajectory(rows=3, columns=5, seed=4).draw(Trainer(accelerator="cpu", logger=False), Way())
    assert picture.shape == (3, 3 * 10 + 2, 5 * 10 + 2)
    cells = picture[0, 2:, 2:].unfold(0, 8, 10).unfold(1, 8, 10)  # (rows, columns, 8, 8)
    noise = 0.01 * torch.rand(1, generator=torch.Generator().manual_seed(4))
    expected = torch.arange(3).view(-1, 1) / 10 + torch.arange(5) / 100 + noise
    torch.testing.assert_close(cells, expected.view(3, 5, 1, 1).expand(3, 5, 8, 8))


def test_a_model_that_goes_no_way_is_skipped():
    assert Trajectory().draw(Trainer(accelerator="cpu", logger=False), VAE(latent_dim=2, hidden_dims=[8])) is None
