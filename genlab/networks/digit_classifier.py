"""A small convolutional classifier of 28×28 images."""

from torch import Tensor, nn

CLASSES = 10
FEATURES = 128


class DigitClassifier(nn.Module):
    """Images (B, 1, 28, 28) in [0, 1] → logits of the ten classes (B, 10).

    Five convolutions with batch norm, on 28², 14² and 7² pixels, then a hidden layer of rectified features.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *_convolution(1, 16, kernel_size=5),
            nn.MaxPool2d(2),
            *_convolution(16, 32),
            *_convolution(32, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            *_convolution(64, 64),
            nn.MaxPool2d(2),
        )
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(64 * 3 * 3, FEATURES), nn.ReLU())
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(FEATURES, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """The penultimate layer: images (B, 1, 28, 28) → (B, 128), non-negative."""
        return self.hidden(self.trunk(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.dropout(self.features(images)))


def _convolution(channels_in: int, channels_out: int, kernel_size: int = 3) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]
