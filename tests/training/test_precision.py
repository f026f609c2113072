"""What trainer.precision=auto becomes on processors of all kinds."""

import pytest
import torch

from genlab.training.trainer import CheckedTrainer, fastest


@pytest.fixture
def machine(monkeypatch):
    """machine(amx=True): a processor and, if any, a GPU; what is not named is not there."""

    def make(amx=False, avx512_bf16=False, cuda=False, cuda_bf16=False, mps=False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: cuda_bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


@pytest.mark.parametrize(
    ("accelerator", "has", "expected"),
    [
        ("cpu", {}, "32-true"),
        ("cpu", {"amx": True}, "bf16-mixed"),
        ("cpu", {"avx512_bf16": True}, "bf16-mixed"),
        ("cpu", {"cuda": True, "cuda_bf16": True}, "32-true"),  # the GPU takes no part
        ("auto", {"cuda": True, "cuda_bf16": True}, "bf16-mixed"),
        ("gpu", {"cuda": True, "amx": True}, "32-true"),
        ("auto", {"mps": True, "amx": True}, "32-true"),
        ("auto", {"amx": True}, "bf16-mixed"),
    ],
)
def test_bfloat16_is_taken_where_the_processor_that_trains_has_it(machine, accelerator, has, expected):
    machine(**has)
    assert fastest(accelerator) == expected


@pytest.mark.parametrize(("amx", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_the_trainer_knows_auto(machine, amx, expected):
    machine(amx=amx)
    trainer = CheckedTrainer(accelerator="cpu", precision="auto", logger=False, enable_progress_bar=False)
    assert trainer.precision == expected
