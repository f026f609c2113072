"""Weights and images → text in a page, in few characters."""

import base64
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

BITS = (12, 8)  # of each weight: of the run itself; of an epoch of its training


def packed(tensors: Sequence[Tensor], bits: int) -> str:
    """Matrices with `bits` of each number, scaled by row; vectors and the rows' scales as they are.

    In front of all the float32 numbers, of each tensor in turn: a vector itself, or a matrix's scales. Behind them the
    upper eight bits of all matrices, then, with 12 bits, the lower four, two in a byte.

    Returns:
        See `text`.

    Raises:
        ValueError: no such bits.
    """
    if bits not in BITS:
        raise ValueError(f"{bits} bits")
    floats, uppers, lowers = [], [], []
    for tensor in tensors:
        if tensor.ndim < 2:
            floats.append(tensor.flatten())
            continue
        steps, scales = quantized(tensor, bits)
        unsigned = (steps + 2 ** (bits - 1)).flatten()
        floats.append(scales)
        uppers.append((unsigned >> (bits - 8)).to(torch.uint8))
        lowers.append((unsigned & (2 ** (bits - 8) - 1)).to(torch.uint8))
    upper, lower = (torch.cat(parts) if parts else torch.empty(0, dtype=torch.uint8) for parts in (uppers, lowers))
    content = torch.cat(floats).float().numpy().astype("<f4").tobytes() + upper.numpy().tobytes()
    if bits > 8:
        even, odd = torch.nn.functional.pad(lower, (0, len(lower) % 2)).view(-1, 2).T
        content += (even << 4 | odd).numpy().tobytes()
    return text(content)


def quantized(tensor: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """tensor ≈ steps · scales, row by row: (R, …) → int32 steps (R, ·) of at most 2^(bits − 1) − 1, and scales (R,)."""
    rows = tensor.flatten(1)
    scales = rows.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / (2 ** (bits - 1) - 1)
    return (rows / scales.unsqueeze(1)).round().to(torch.int32), scales


def text(content: bytes) -> str:
    """Deflated, five characters for four bytes; in the alphabet of RFC 1924 with a comma for `<`, as HTML wants it."""
    return base64.b85encode(zlib.compress(content, 9)).decode().replace("<", ",")
