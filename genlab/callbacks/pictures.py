"""All pictures of a run as one callback."""

from collections.abc import Sequence

from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.callbacks.picture import Picture


class Pictures(Callback):
    """Passes on the four hooks at which pictures are drawn.

    Lightning enters every hook of every callback at every batch, the empty ones too; with a small network ten
    callbacks more cost some per cent of the training.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for picture in self.pictures:
            picture.on_train_start(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for picture in self.pictures:
            picture.on_train_epoch_end(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for picture in self.pictures:
            picture.on_fit_end(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for picture in self.pictures:
            picture.on_test_end(trainer, pl_module)
