"""Weights and images → text in a page, in few characters."""

import base64
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def packed(tensors: Sequence[Tensor], bits: int) -> str:
    """Matrices with so many bits of each number, scaled by row; vectors and the rows' scales as they are.

    In front of all the float32 numbers, of each tensor in turn: a vector itself, or a matrix's scales. Behind them the
    upper eight bits of all matrices, which deflate to seven, and the lower ones, without gaps.

    Args:
        tensors: a vector has one dimension or none.
        bits: 8 to 16.

    Returns:
        See `text`.
    """
    floats, matrices = [torch.empty(0)], [torch.empty(0, dtype=torch.int32)]
    for tensor in tensors:
        if tensor.ndim < 2:
            floats.append(tensor.flatten())
        else:
            steps, scales = quantized(tensor, bits)
            floats.append(scales)
            matrices.append(steps.flatten() + 2 ** (bits - 1))
    unsigned, lower = torch.cat(matrices).numpy(), bits - 8
    places = np.arange(lower - 1, -1, -1)
    return text(
        torch.cat(floats).float().numpy().astype("<f4").tobytes()
        + (unsigned >> lower).astype(np.uint8).tobytes()
        + np.packbits((unsigned[:, None] >> places & 1).astype(np.uint8)).tobytes()
    )


def quantized(tensor: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """tensor ≈ steps · scales, row by row: (R, …) → int32 steps (R, ·) of at most 2^(bits − 1) − 1, and scales (R,)."""
    rows = tensor.flatten(1)
    scales = rows.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / (2 ** (bits - 1) - 1)
    return (rows / scales.unsqueeze(1)).round().to(torch.int32), scales


def text(content: bytes) -> str:
    """Deflated, five characters for four bytes; in the alphabet of RFC 1924 with a comma for `<`, as HTML wants it."""
    return base64.b85encode(zlib.compress(content, 9)).decode().replace("<", ",")
