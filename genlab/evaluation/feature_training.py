"""Train the network in whose features samples of a data set are scored.

Where the images have labels, it classifies them. Where they have none, it is trained on a task that needs none, to tell
by which of four turns (0°, 90°, 180°, 270°) an image was rotated: Gidaris, Singh & Komodakis 2018, "Unsupervised
Representation Learning by Predicting Image Rotations". Images that look the same however they are turned teach it
nothing; its test accuracy, of which a quarter is chance, says so.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from genlab.data.datamodule import ImageDataModule
from genlab.evaluation.feature_network import Classifier
from genlab.evaluation.settings import Track, silently
from genlab.networks.image_classifier import ImageClassifier
from genlab.networks.image_mixer import ImageMixer

TURNS = 4
BATCH = 128  # images
SEEN = 300_000  # training images, those of all epochs together: minutes on a CPU for 28×28 pixels
EPOCHS = range(5, 41)  # of few images more, so that there are steps enough
POOR = 0.25  # of the way from chance to certainty


def train_features(
    data: ImageDataModule, epochs: int, device: str = "cpu", track: Track = silently, second: bool = False
) -> tuple[Classifier, bool, float]:
    """A classifier of the training images, whether by their labels, and its accuracy on the test images.

    AdamW on warped images, with a learning rate that rises and falls once.

    Args:
        data: set up.
        epochs: passes over the training images.
        device: that it is trained on; it is returned on the CPU.
        second: whether it is the classifier of another architecture, from other random weights.
    """
    labelled, train_set = data.num_classes > 1, data.train_set
    torch.manual_seed(int(second))
    build: type[Classifier] = ImageMixer if second else ImageClassifier
    network = build(data.image_shape, data.num_classes if labelled else TURNS)
    network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
    batches = [rows for _ in range(epochs) for rows in torch.randperm(len(train_set)).split(BATCH) if len(rows) > 1]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=len(batches))
    network.train()
    for rows in track(batches, description="training the feature network"):
        images, labels = (part.to(device) for part in train_set.__getitems__(rows.tolist()))
        if not labelled:
            labels = torch.randint(TURNS, (len(images),)).to(device)
            images = turned(images, labels)
        images = warp(images).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(images), labels, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.cpu().to(memory_format=torch.contiguous_format).eval()
    images, labels = data.test_set.images, data.test_set.labels
    if not labelled:
        labels = torch.arange(TURNS).repeat_interleave(len(images))
        images = turned(images.repeat(TURNS, 1, 1, 1), labels)
    return network, labelled, accuracy(network, images, labels)


def default_epochs(data: ImageDataModule) -> int:
    """So many that the network sees 300,000 images, 5 at least and 40 at most."""
    return min(max(SEEN // len(data.train_set), EPOCHS[0]), EPOCHS[-1])


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Each image (B, C, H, W) rotated by its number (B,) of quarter turns, 0 to 3.

    One that is no square would show by its shape how it was turned, and is mirrored instead: left to right (1), top to
    bottom (2), both (3).
    """
    found = images.clone()
    for turn in range(1, TURNS):
        chosen = images[turns == turn]
        if images.shape[2] == images.shape[3]:
            found[turns == turn] = chosen.rot90(turn, (2, 3))
        else:
            found[turns == turn] = chosen.flip([axis for bit, axis in ((1, 3), (2, 2)) if turn & bit])
    return found


def warp(images: Tensor, degrees: float = 12, scale: float = 0.12, shift: float = 0.12) -> Tensor:
    """Each image (B, C, H, W) rotated, scaled and shifted at random: by so many degrees at most, by this share of its
    size, in each direction, and by this share of half its side.
    """
    angle, stretch_x, stretch_y, x, y = (2 * torch.rand(5, len(images)).to(images) - 1).unbind()
    angle = angle * math.radians(degrees)
    stretch_x, stretch_y = 1 + scale * stretch_x, 1 + scale * stretch_y
    rows = [
        torch.stack([stretch_x * angle.cos(), -stretch_y * angle.sin(), shift * x], dim=-1),
        torch.stack([stretch_x * angle.sin(), stretch_y * angle.cos(), shift * y], dim=-1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


@torch.no_grad()
def accuracy(network: Classifier, images: Tensor, labels: Tensor) -> float:
    """The share of uint8 images (N, C, H, W) that are given their labels (N,)."""
    found = torch.cat([network(some.float() / 255).argmax(-1) for some in images.split(1000)])
    return float((found == labels).double().mean())


def is_poor(test_accuracy: float, classes: int) -> bool:
    """Whether a classifier is so near to chance that its features say little of the images."""
    return test_accuracy < 1 / classes + POOR * (1 - 1 / classes)
