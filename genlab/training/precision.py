"""trainer.precision=auto: bfloat16 where the processor multiplies it fast."""

from typing import Any, Literal

import torch


def fastest(accelerator: Any) -> Literal["bf16-mixed", "32-true"]:
    """What trains fastest on this machine.

    On a processor that has no instructions for bfloat16 its matrix products are some 70 times slower than those of
    float32; on one that has them, up to twice as fast.

    Args:
        accelerator: of the trainer, as `cpu`, `gpu`, `auto`.
    """
    if accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif accelerator in ("mps", "gpu", "auto") and torch.backends.mps.is_available():
        fast = False
    else:
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if fast else "32-true"
