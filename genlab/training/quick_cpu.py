"""Three things that slow training on a CPU down, and can be switched off."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from pytorch_lightning.profilers import PassThroughProfiler

_NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Floats below 1.2e-38 are 0 inside, on CPUs that can; GPUs do so anyway.

    Adam's running means for pixels that are hardly ever white decay into such numbers, with which a CPU calculates
    many times slower: without this an epoch of the default VAE takes a tenth longer after the first.

    It holds for this thread and for those that it starts, so it is entered before torch has started its own.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def quick_gpu_check() -> Iterator[None]:
    """Inside, torch asks the CUDA runtime whether there is a GPU, which takes 1 µs where there is none.

    Every step of an optimizer asks. Lightning wants the question answered by a library that is loaded each time, 40 µs,
    so that processes can be forked afterwards that use the GPU; genlab forks none that do.
    """
    before = os.environ.pop(_NVML, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[_NVML] = before


class NoProfiler(PassThroughProfiler):
    """Measures nothing. Lightning's own does so too, but makes a new context for each of 60 actions a batch."""

    def profile(self, action_name: str) -> AbstractContextManager[str]:  # type: ignore[override]
        return _NOTHING


_NOTHING: AbstractContextManager[str] = nullcontext("")
