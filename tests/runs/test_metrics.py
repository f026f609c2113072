"""metrics.csv is read to its first damage, and never without a bound."""

import os

import pytest

from genlab.errors import RunError
from genlab.runs.metrics import FILE, read_rows


def test_the_names_come_first_and_a_line_that_a_kill_has_cut_does_not_count(tmp_path):
    (tmp_path / FILE).write_text("step,val/elbo\n1,-2.5\n2,\n3,-1")
    assert list(read_rows(tmp_path)) == [["step", "val/elbo"], ["1", "-2.5"], ["2", ""]]


def test_no_file_has_no_rows(tmp_path):
    assert list(read_rows(tmp_path)) == []


@pytest.mark.parametrize("damage", [b"3\n4,5\n", b"\xff,\n4,5\n", b"x" * 200_000 + b",\n4,5\n"])
def test_what_comes_before_the_damage_counts(tmp_path, damage):
    (tmp_path / FILE).write_bytes(b"a,b\n" + b"1,2\n" * 10_000 + damage)
    read = []
    with pytest.raises(RunError, match=r"metrics\.csv: damaged \(.*\); restore it from a copy, or delete it"):
        read.extend(iter(read_rows(tmp_path)))
    for row in read[1:]:
        assert row == ["1", "2"]


def test_a_file_of_many_gigabytes_is_not_read(tmp_path):
    with (tmp_path / FILE).open("wb") as file:
        os.truncate(file.fileno(), 4_000_000_000)  # sparse: it takes no place on the disk
    with pytest.raises(RunError, match="larger than 100 MB; move it away"):
        next(read_rows(tmp_path))
