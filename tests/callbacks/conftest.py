"""A trainer that has data and trains nothing."""

import pytest
from pytorch_lightning import Trainer

from genlab.data.datamodule import ImageDataModule


@pytest.fixture
def trainer(mnist_root):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.datamodule = ImageDataModule("mnist", root=str(mnist_root))
    trainer.datamodule.setup()
    return trainer
