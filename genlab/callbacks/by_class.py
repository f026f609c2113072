"""Pictures of conditional models: every class from one noise, and every class in the style of an image."""

from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import draws_labels
from genlab.pictures.by_class import MOST_CLASSES, analogies, samples_by_class, shown_classes


@configured
class SamplesByClass(Picture):
    """A row of samples for each class, all rows from the same noise: see `samples_by_class`.

    Args:
        columns: samples of a class.
        classes: rows at most; of more classes, so many evenly.
        seed: of the noise.
    """

    tag = "samples_by_class"
    columns: PositiveInt = 10
    classes: PositiveInt = MOST_CLASSES
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not draws_labels(model):
            return None
        return samples_by_class(model.sample, shown_classes(model.num_classes, self.classes), self.columns, self.seed)


@configured
class Analogies(Picture):
    """Rows of a validation image and what its latent point decodes to under each label: see `analogies`.

    Args:
        rows: images.
        classes: labels at most; of more classes, so many evenly.
    """

    tag = "analogies"
    rows: PositiveInt = 8
    classes: PositiveInt = MOST_CLASSES

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        images, labels = first_validation_images(trainer, self.rows, model.device)
        return analogies(model, images, labels, self.classes)
