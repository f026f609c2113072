"""Train the network whose features the sample-quality metrics use, and write its weights.

    python -m genlab.evaluation.train_classifier --out mnist_classifier.safetensors

A quarter of an hour on one core. The weights of the package come from this command; others give other scores, so
every result carries the SHA-256 of its weights.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from genlab.data.datamodule import ImageDataModule
from genlab.data.dataset import ImageDataset
from genlab.networks.digit_classifier import DigitClassifier


def warp(images: Tensor, degrees: float = 12, scale: float = 0.12, shift: float = 0.12) -> Tensor:
    """Each image (B, 1, H, W) rotated, scaled and shifted at random.

    Args:
        images: of the batch.
        degrees: largest angle.
        scale: largest relative change of size, in each direction.
        shift: largest way, in halves of the image's side.
    """
    angle, stretch_x, stretch_y, x, y = (2 * torch.rand(5, len(images)) - 1).unbind()
    angle = angle * math.radians(degrees)
    stretch_x, stretch_y = 1 + scale * stretch_x, 1 + scale * stretch_y
    rows = [
        torch.stack([stretch_x * angle.cos(), -stretch_y * angle.sin(), shift * x], dim=-1),
        torch.stack([stretch_x * angle.sin(), stretch_y * angle.cos(), shift * y], dim=-1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def train_classifier(train_set: ImageDataset, epochs: int, batch_size: int = 128, seed: int = 0) -> DigitClassifier:
    """AdamW on warped images, with a learning rate that rises and falls once."""
    torch.manual_seed(seed)
    network = DigitClassifier()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
    steps = epochs * math.ceil(len(train_set) / batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for rows in torch.randperm(len(train_set)).split(batch_size):
            images, labels = train_set.__getitems__(rows.tolist())
            loss = F.cross_entropy(network(warp(images)), labels, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(images)
        print(f"epoch {epoch + 1:>2}/{epochs}   loss {total / len(train_set):.4f}", flush=True)
    return network.eval()


@torch.no_grad()
def accuracy(network: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """The share of uint8 images (N, 1, 28, 28) that are given their labels."""
    found = torch.cat([network(some.float() / 255).argmax(-1) for some in images.split(1000)])
    return float((found == labels).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the feature network of the sample-quality metrics")
    parser.add_argument("--out", type=Path, default=Path("mnist_classifier.safetensors"), help="file of the weights")
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    network = train_classifier(data.train_set, arguments.epochs)
    measured = {
        split: accuracy(network, images.images, images.labels)
        for split, images in (("val", data.val_set), ("test", data.test_set))
    }
    print("   ".join(f"{split} accuracy {value:.4f}" for split, value in measured.items()))
    facts = {"test_accuracy": str(measured["test"]), "trained_on": "the first 55,000 training images of MNIST"}
    save_file(network.state_dict(), arguments.out, metadata={"genlab": json.dumps(facts)})


if __name__ == "__main__":
    main()
