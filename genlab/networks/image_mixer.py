"""A classifier of small images that shares no layer's shape with `ImageClassifier`."""

from torch import Tensor, nn

from genlab.networks.convolutional import ImageShape

CHANNELS, BLOCKS = 96, 4
POSITIONS = 7  # patches along the shorter side, about


class ImageMixer(nn.Module):
    """Images (B, C, H, W) in [0, 1] → logits of the classes (B, classes).

    Patches become channels at once and keep their places to the end; each block mixes places, channel by channel and
    with a residual, and then channels. The mean over places is the feature, so no weight knows where a stroke lies.

    Trockman & Kolter 2022, "Patches are all you need?", section 2.

    Args:
        image_shape: (C, H, W), of sides of 8 or more.
        classes: how many.
    """

    def __init__(self, image_shape: ImageShape, classes: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        patch = max(2, min(height, width) // POSITIONS)
        self.patches = _activated(nn.Conv2d(channels, CHANNELS, patch, stride=patch))
        self.blocks = nn.Sequential(*(_Block() for _ in range(BLOCKS)))
        self.output = nn.Linear(CHANNELS, classes)

    def features(self, images: Tensor) -> Tensor:
        """The mean over places: images (B, C, H, W) → (B, 96)."""
        return self.blocks(self.patches(images)).mean((-2, -1))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.features(images))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.places = _activated(nn.Conv2d(CHANNELS, CHANNELS, 5, padding=2, groups=CHANNELS))
        self.channels = _activated(nn.Conv2d(CHANNELS, CHANNELS, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.channels(x + self.places(x))


def _activated(layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(layer, nn.GELU(), nn.BatchNorm2d(CHANNELS))
