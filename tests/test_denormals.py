"""Denormal floats are zero inside the context, and back afterwards."""

import platform

import pytest
import torch

from genlab.denormals import flushed_denormals


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="not every CPU can flush")
def test_denormals_are_flushed_inside_alone():
    tiny = torch.tensor([2e-38])
    with flushed_denormals():
        inside = (tiny / 4).item()
    outside = (tiny / 4).item()
    assert inside == 0
    assert outside > 0
