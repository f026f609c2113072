"""Where the digits lie in two latent dimensions."""

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanEncode


class CodeScatter(Picture):
    """The codes encode(x) of validation images in the plane (posterior means for a VAE), coloured by digit.

    Args:
        every_n_epochs: see `Picture`.
        n: how many images.
    """

    tag = "codes"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 5000) -> None:
        super().__init__(every_n_epochs)
        self.n = n

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanEncode) or getattr(model, "latent_dim", None) != 2:
            return None
        images, labels = first_validation_images(trainer, self.n, model.device)
        codes = model.encode(images.to(next(model.parameters()))).float().cpu()
        figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot(aspect="equal", xlabel="$z_1$", ylabel="$z_2$", title="Codes of validation images")
        for label in labels.unique().tolist():
            x, y = codes[labels == label].T
            axes.scatter(x, y, s=4, color=f"C{label}", label=str(label), linewidths=0)
        axes.legend(title="label", markerscale=4, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255
