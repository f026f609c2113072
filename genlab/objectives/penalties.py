"""Penalties on the discriminator's gradient with respect to its input, which bound its slope."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

PenaltyName = Literal["none", "gradient_penalty", "r1"]


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, uniform: Tensor) -> Tensor:
    """E (‖∇D(x̂)‖₂ − 1)², x̂ = ε·real + (1 − ε)·fake: 0 where D's slope is 1 between the data and the fakes.

    Args:
        discriminator: images (B, C, H, W) → logits (B,), each a function of its own image.
        real, fake: images (B, C, H, W).
        uniform: ε ~ U(0, 1), (B,).

    Gulrajani et al. 2017, equation 3, without λ.
    """
    epsilon = uniform.view(-1, *[1] * (real.dim() - 1))
    between = epsilon * real + (1 - epsilon) * fake.to(real.dtype)
    norms = torch.linalg.vector_norm(_gradients(discriminator, between), dim=1)
    return (norms - 1).square().mean()


def r1(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E ‖∇D(x)‖₂² over images of the data: 0 where D is flat on them, as it is at the game's optimum.

    Args:
        discriminator: images (B, C, H, W) → logits (B,), each a function of its own image.
        real: (B, C, H, W).

    Mescheder, Geiger & Nowozin 2018, equation 9, without γ.
    """
    return 0.5 * _gradients(discriminator, real).square().sum(1).mean()


def _gradients(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """∇D for each image, (B, C·H·W), itself differentiable with respect to D's weights.

    In the type of the images, which is float32 under mixed precision too: autocast is off, because this is
    differentiated twice and bfloat16 has two digits.
    """
    with torch.autocast(images.device.type, enabled=False), torch.enable_grad():
        images = images.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)
