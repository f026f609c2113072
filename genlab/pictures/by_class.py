"""One noise, or one latent point, under every label: what the label decides, and what it leaves alone."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlab.capabilities import draws_labels, takes_labels
from genlab.pictures.grids import image_grid
from genlab.pictures.latent_space import told

MOST_CLASSES = 30  # rows, or columns, of a picture


def shown_classes(classes: int, most: int = MOST_CLASSES) -> Tensor:
    """The labels (rows,) that a picture has room for: all, or so many evenly from the first to the last."""
    return torch.linspace(0, classes - 1, min(classes, most)).round().long()


def samples_by_class(sample: Callable[..., Tensor], labels: Tensor, columns: int, seed: int) -> Tensor:
    """A row for each of the labels (rows,), from one noise, so that a column has what the label does not decide.

    `sample` is that of `CanSampleLabels`.
    """
    rows = [sample(columns, torch.Generator().manual_seed(seed), labels=label.repeat(columns)) for label in labels]
    return image_grid(torch.cat(rows), columns)


def analogies(model: nn.Module, images: Tensor, of_images: Tensor, most: int = MOST_CLASSES) -> Tensor | None:
    """A row an image: the image x, then decode(encode(x, y), y') for each label y'; None if the model cannot.

    The latent point is the same along a row: what stays alike is style, what changes with y' is content. Kingma et al.
    2014, "Semi-supervised Learning with Deep Generative Models", figure 1.

    Args:
        model: in evaluation mode.
        images, of_images: (B, C, H, W) in [0, 1], and their labels y, (B,).
        most: labels y'; of more, so many evenly.
    """
    like, methods = next(model.parameters()), [getattr(model, name, None) for name in ("encode", "decode")]
    if not draws_labels(model) or not all(map(takes_labels, methods)):
        return None
    labels = shown_classes(model.num_classes, most)
    z = told(model, "encode", images.to(like), of_images.to(like.device))
    rows = z.repeat_interleave(len(labels), 0)
    decoded = told(model, "decode", rows, labels.repeat(len(z)).to(like.device))
    every = torch.cat([images.unsqueeze(1).to(decoded), decoded.unflatten(0, (len(z), -1))], dim=1)
    return image_grid(every.flatten(0, 1), every.shape[1])
