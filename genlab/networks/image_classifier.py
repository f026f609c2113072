"""A small convolutional classifier of small images."""

from torch import Tensor, nn

from genlab.networks.convolutional import ImageShape

FEATURES = 128
LARGE = 40  # pixels: above, the first convolution halves the sides, so that the others cost as much as for MNIST


class ImageClassifier(nn.Module):
    """Images (B, C, H, W) in [0, 1] → logits of the classes (B, classes).

    Five convolutions with batch norm, for MNIST on 28², 14² and 7² pixels, then a hidden layer of rectified features.

    Args:
        image_shape: (C, H, W), of sides of 8 or more.
        classes: how many.
    """

    def __init__(self, image_shape: ImageShape, classes: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        stride = 2 if min(height, width) > LARGE else 1
        self.trunk = nn.Sequential(
            *_convolution(channels, 16, kernel_size=5, stride=stride),
            nn.MaxPool2d(2),
            *_convolution(16, 32),
            *_convolution(32, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            *_convolution(64, 64),
            nn.MaxPool2d(2),
        )
        rows, columns = ((side + stride - 1) // stride // 8 for side in (height, width))
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(64 * rows * columns, FEATURES), nn.ReLU())
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """The penultimate layer: images (B, C, H, W) → (B, 128), non-negative."""
        return self.hidden(self.trunk(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.dropout(self.features(images)))


def _convolution(channels_in: int, channels_out: int, kernel_size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]
