"""Figures with axes, as pictures (3, H, W) in [0, 1]."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor


def code_scatter(codes: Tensor, labels: Tensor) -> Tensor:
    """Codes (N, 2) in the plane, coloured by their labels (N,)."""
    canvas, axes = _axes((6, 6), aspect="equal", xlabel="$z_1$", ylabel="$z_2$", title="Codes of validation images")
    for label in labels.unique().tolist():
        x, y = codes.float().cpu()[labels == label].T
        axes.scatter(x, y, s=4, color=f"C{label}", label=str(label), linewidths=0)
    axes.legend(title="label", markerscale=4, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return _picture(canvas)


def gradient_curves(steps: Sequence[int], norms: Mapping[str, Sequence[float]]) -> Tensor:
    """The norm of the generator's gradient over training batches seen, a curve for each label."""
    y = "norm of the generator's gradient"
    title = "Two generator losses on the same networks"
    canvas, axes = _axes((7, 4.5), xlabel="training batches seen", ylabel=y, yscale="log", title=title)
    for label, values in norms.items():
        axes.plot(steps, values, label=label)
    axes.legend()
    axes.grid(alpha=0.3)
    return _picture(canvas)


def _axes(inches: tuple[float, float], **properties: str) -> tuple[FigureCanvasAgg, Axes]:
    figure = Figure(figsize=inches, dpi=100, layout="constrained")
    return FigureCanvasAgg(figure), figure.add_subplot(**properties)


def _picture(canvas: FigureCanvasAgg) -> Tensor:
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255
