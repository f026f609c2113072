"""Noise that is a function of the image, so that a validation metric depends only on the weights.

In whatever batch, process or device an image is, it is binarized the same way and gets the same z.
"""

import zlib
from collections.abc import Callable

import torch
from torch import Tensor

SEED = 0x5EED


def fixed_uniform(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """U(0, 1) noise (B, *shape), each row a function of its image."""
    return _draw(images, shape, torch.Tensor.uniform_)


def fixed_normal(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """N(0, 1) noise (B, *shape), each row a function of its image."""
    return _draw(images, shape, torch.Tensor.normal_)


def _draw(images: Tensor, shape: tuple[int, ...], fill: Callable[..., Tensor]) -> Tensor:
    # torch's random numbers depend on the device, so they are always drawn on the CPU
    noise = torch.empty(len(images), *shape)
    generator = torch.Generator()
    # A grey value k/255 may be off by a rounding, since GPUs divide in another way; equal images have equal bytes here.
    # As float32, since numpy has no bfloat16
    grey = images.float().cpu().mul(255).round_().div_(255).contiguous().numpy()
    for image, row in zip(grey, noise, strict=True):
        generator.manual_seed(zlib.crc32(image, SEED))
        fill(row, generator=generator)
    return noise.to(images)
