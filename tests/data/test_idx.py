"""Reading IDX files, whole and damaged."""

import gzip

import pytest
import torch
from conftest import write_idx

from genlab.data.catalogue import FILES
from genlab.data.dataset import read_split
from genlab.data.idx import read_idx
from genlab.errors import DataError

VALUES = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_reads_what_was_written(tmp_path):
    write_idx(tmp_path / "file", VALUES)
    assert torch.equal(read_idx(tmp_path / "file", dimensions=3), VALUES)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "not the 76 bytes that its header promises"),
        (lambda content: content + b"\0", "not the 76 bytes that its header promises"),
        (lambda content: b"\x01" + content[1:], "not an IDX file"),
        (lambda content: content[:3] + b"\x01" + content[4:], "not an IDX file"),
        (lambda content: content[:2] + b"\x0d" + content[3:], "not an IDX file"),
        (lambda content: content[:10], "not an IDX file"),
        (lambda content: b"", "not an IDX file"),
        (lambda content: content[:4] + b"\xff" * 12, "damaged or cut short"),
    ],
)
def test_a_damaged_file_is_named_with_the_remedy(tmp_path, damage, message):
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, torch.zeros(3, 4, 5, dtype=torch.uint8))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=f"{path}: .*{message}.*; put a whole copy in its place"):
        read_idx(path, dimensions=3)


def test_only_what_genlab_has_fetched_may_be_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("genlab.data.idx.cache_folder", lambda: tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="delete it, and it is fetched anew"):
        read_idx(tmp_path / "file", dimensions=3)


@pytest.fixture
def archive(tmp_path):
    write_idx(tmp_path / "plain", VALUES)
    (tmp_path / "file.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes(), mtime=0))
    return tmp_path / "file.gz"


def test_a_packed_file_is_read(archive):
    assert torch.equal(read_idx(archive, dimensions=3), VALUES)


def test_whatever_is_wrong_in_an_archive_is_one_line(archive):
    """Each bit of it turned, one at a time: an error that says so, or a bit of gzip's header that means nothing."""
    whole, refused = archive.read_bytes(), 0
    for bit in range(8 * len(whole)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        archive.write_bytes(content)
        try:
            assert torch.equal(read_idx(archive, dimensions=3), VALUES), bit
        except DataError as error:
            assert str(archive) in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 0.9 * 8 * len(whole) - 80  # of the ten bytes of the header few are read


@pytest.mark.parametrize("length", [0, 5, 15, 30, -1])
def test_an_archive_that_is_cut_short_is_refused(archive, length):
    archive.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(DataError, match=r"file\.gz: "):
        read_idx(archive, dimensions=3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path / 'absent'}: cannot be read"):
        read_idx(tmp_path / "absent", dimensions=1)


def test_labels_of_another_length_are_refused(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", torch.zeros(5, 28, 28, dtype=torch.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", torch.zeros(4, dtype=torch.uint8))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: 4 labels for 5 images"):
        read_split({file: tmp_path / file for file in FILES}, "t10k")


def test_a_label_that_is_none_of_the_classes_is_refused(tmp_path):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", torch.zeros(2, 28, 28, dtype=torch.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", torch.tensor([9, 10], dtype=torch.uint8))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: a label 10, where the 10 classes are 0 to 9"):
        read_split({file: tmp_path / file for file in FILES}, "t10k")
