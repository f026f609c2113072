"""Reading the IDX format of MNIST: a magic number, the sizes, then the bytes."""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from genlab.data.sources import cache_folder
from genlab.errors import DataError


def read_idx(path: Path, dimensions: int) -> Tensor:
    """File, packed if its name ends in .gz → uint8 tensor with the given number of dimensions.

    The header is two zero bytes, the type (0x08, unsigned byte), the number of dimensions, and one big-endian
    32-bit size for each (http://yann.lecun.com/exdb/mnist). torchvision's reader unpacks nothing, and a damaged file
    ends it with a bare `AssertionError`.

    Raises:
        DataError: the file cannot be read, or is no whole IDX file of unsigned bytes with this many dimensions.
    """
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            header = file.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, 0x08, dimensions]):
                raise damaged(path, f"not an IDX file of {dimensions}-dimensional unsigned bytes")
            shape = [int.from_bytes(header[start : start + 4], "big") for start in range(4, len(header), 4)]
            content = file.read(math.prod(shape) + 1)  # one more, to see the end
    except (EOFError, gzip.BadGzipFile, zlib.error, MemoryError, OverflowError) as error:
        raise damaged(path, f"damaged or cut short ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check that it exists and is readable") from None
    if len(content) != math.prod(shape):
        raise damaged(path, f"not the {len(header) + math.prod(shape)} bytes that its header promises")
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(shape).copy())


def damaged(path: Path, what: str) -> DataError:
    """The error of a file; only what genlab has fetched itself may be deleted."""
    fetched = path.is_relative_to(cache_folder())
    return DataError(
        f"{path}: {what}; {'delete it, and it is fetched anew' if fetched else 'put a whole copy in its place'}"
    )
