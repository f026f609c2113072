"""The picture of completed halves."""

import torch
from pytorch_lightning import LightningModule, Trainer

from genlab.callbacks.reconstructions import Completion
from genlab.data.datamodule import ImageDataModule
from genlab.models.vae import VAE
from genlab.pictures.grids import LINES


class Greys(LightningModule):
    """Completes each image of a batch by another grey, which depends on the generator."""

    def complete(self, images, rows, generator=None):
        self.seen = images
        completed = images.clone()
        completed[:, :, rows:] = torch.rand(len(images), 1, 1, 1, generator=generator)
        return completed


def test_a_row_is_an_image_its_upper_half_and_completions(mnist_root):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.datamodule = ImageDataModule("mnist", root=str(mnist_root))
    trainer.datamodule.setup()
    picture = Completion(rows=3, ways=2, seed=4).draw(trainer, Greys())[0]
    # cells of 56 pixels with lines of 2 between, every pixel twice
    cells = picture[2:, 2:].unfold(0, 56, 58).unfold(1, 56, 58)[..., ::2, ::2]
    assert cells.shape == (3, 4, 28, 28)
    originals = trainer.datamodule.val_set.images[:3, 0] / 255
    torch.testing.assert_close(cells[:, 0], originals)
    for column in (1, 2, 3):
        torch.testing.assert_close(cells[:, column, :14], originals[:, :14])
    assert (cells[:, 1, 14:] == LINES).all()
    drawn = torch.rand(6, generator=torch.Generator().manual_seed(4)).view(3, 2, 1, 1)
    torch.testing.assert_close(cells[:, 2:, 14:], drawn.expand(3, 2, 14, 28))


def test_a_model_that_completes_nothing_is_skipped():
    assert Completion().draw(Trainer(accelerator="cpu", logger=False), VAE(latent_dim=2, hidden_dims=[8])) is None
