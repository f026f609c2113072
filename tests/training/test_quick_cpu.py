"""What is switched off is off inside the context, and back afterwards."""

import os
import platform

import pytest
import torch

from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="not every CPU can flush")
def test_denormals_are_flushed_inside_alone():
    tiny = torch.tensor([2e-38])
    with flushed_denormals():
        inside = (tiny / 4).item()
    outside = (tiny / 4).item()
    assert inside == 0
    assert outside > 0


def test_the_gpu_check_of_lightning_is_back_afterwards(monkeypatch):
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    with quick_gpu_check():
        assert "PYTORCH_NVML_BASED_CUDA_CHECK" not in os.environ
    assert os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] == "1"
