"""Reading IDX files, whole and damaged."""

import pytest
import torch
from conftest import write_idx

from genlab.data.dataset import read_split
from genlab.data.idx import read_idx
from genlab.errors import DataError


def test_reads_what_was_written(tmp_path):
    values = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    write_idx(tmp_path / "file", values)
    assert torch.equal(read_idx(tmp_path / "file", dimensions=3), values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "75 bytes where its header promises 76"),
        (lambda content: content + b"\0", "77 bytes where its header promises 76"),
        (lambda content: b"\x01" + content[1:], "not an IDX file"),
        (lambda content: content[:3] + b"\x01" + content[4:], "not an IDX file"),
        (lambda content: content[:2] + b"\x0d" + content[3:], "not an IDX file"),
        (lambda content: content[:10], "not an IDX file"),
        (lambda content: b"", "not an IDX file"),
    ],
)
def test_a_damaged_file_is_named_with_the_remedy(tmp_path, damage, message):
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, torch.zeros(3, 4, 5, dtype=torch.uint8))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=f"{path}: .*{message}.*; delete it"):
        read_idx(path, dimensions=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path / 'absent'}: cannot be read"):
        read_idx(tmp_path / "absent", dimensions=1)


def test_labels_of_another_length_are_refused(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", torch.zeros(5, 28, 28, dtype=torch.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", torch.zeros(4, dtype=torch.uint8))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: 4 labels for 5 images"):
        read_split(tmp_path, "t10k")
