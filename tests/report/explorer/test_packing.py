"""Weights in few bits: what they come back as."""

import base64
import zlib

import numpy as np
import pytest
import torch

from genlab.report.explorer.packing import packed, quantized


@pytest.mark.parametrize("bits", [8, 11])
def test_a_quantized_weight_is_within_half_a_step(bits):
    tensor = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 5).view(-1, 1, 1)
    steps, scales = quantized(tensor, bits)
    largest = tensor.flatten(1).abs().amax(1)
    torch.testing.assert_close(scales, largest / (2 ** (bits - 1) - 1))
    assert steps.abs().amax(1).tolist() == [2 ** (bits - 1) - 1] * 5
    assert ((steps * scales[:, None] - tensor.flatten(1)).abs() <= scales[:, None] * (0.5 + 1e-4)).all()


def test_a_row_of_zeros_stays_zero():
    steps, scales = quantized(torch.zeros(1, 4), 8)
    assert (steps * scales).tolist() == [[0.0] * 4]


def test_the_text_holds_vectors_scales_and_bits_in_their_order():
    matrix, vector = torch.tensor([[1023.0, -1.0, 5.0]]), torch.tensor([0.5, 2.0])
    text = packed([vector, matrix], 11)
    assert "<" not in text
    content = zlib.decompress(base64.b85decode(text.replace(",", "<")))
    assert np.frombuffer(content[:12], "<f4").tolist() == [0.5, 2.0, 1.0]
    steps = [1023 + 1024, -1 + 1024, 5 + 1024]
    assert list(content[12:15]) == [step >> 3 for step in steps]
    assert f"{int.from_bytes(content[15:], 'big'):016b}"[:9] == "".join(f"{step & 7:03b}" for step in steps)
