"""Reading the IDX format of MNIST: a magic number, the sizes, then the bytes."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genlab.errors import DataError


def read_idx(path: Path, dimensions: int) -> Tensor:
    """File → uint8 tensor with the given number of dimensions.

    The header is two zero bytes, the type (0x08, unsigned byte), the number of dimensions, and one big-endian
    32-bit size for each (http://yann.lecun.com/exdb/mnist).

    Raises:
        DataError: the file cannot be read, is no IDX file of unsigned bytes with this many dimensions, or its
            length is not the one that its header states.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check that it exists and is readable") from None
    header_bytes = 4 + 4 * dimensions
    if content.size < header_bytes or content[:4].tolist() != [0, 0, 0x08, dimensions]:
        raise DataError(f"{path}: not an IDX file of {dimensions}-dimensional unsigned bytes; {REMEDY}")
    shape = content[4:header_bytes].view(">u4").tolist()
    expected = header_bytes + math.prod(shape)
    if content.size != expected:
        raise DataError(f"{path}: {content.size} bytes where its header promises {expected}; {REMEDY}")
    return torch.from_numpy(content[header_bytes:].reshape(shape))


REMEDY = "delete it and start again, so that it is fetched anew"
