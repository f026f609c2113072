"""Numbers too small to matter, and slow to calculate with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Floats below 1.2e-38 are 0 inside, on CPUs that can; GPUs do so anyway.

    Adam's running means for pixels that are hardly ever white decay into such numbers, with which a CPU calculates
    many times slower: without this an epoch of the default VAE takes a tenth longer after the first.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
