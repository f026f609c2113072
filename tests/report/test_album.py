"""Pictures in the page: their pixels, their size, and what is no picture."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image, ImageChops
from report.run_folders import draw_picture

from genlab.report.album import LARGEST_SIDE, Album


def decoded(uri):
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def smooth(path, size, colour=False):
    gradient = Image.linear_gradient("L").resize((size, size))
    bands = (gradient, ImageChops.invert(gradient), gradient) if colour else (gradient,) * 3
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.merge("RGB", bands).save(path)
    return path


@pytest.mark.parametrize("colour", [False, True])
def test_a_picture_looks_the_same(tmp_path, colour):
    path = smooth(tmp_path / "a.png", 64, colour)
    album = Album()
    picture = album.add(path)
    assert (picture.width, picture.height) == (64, 64)
    shown = decoded(album.source(picture)).convert("RGB")
    worst = max(high for _, high in ImageChops.difference(shown, Image.open(path)).getextrema())
    assert worst <= 24  # of 255: what compression with loss changes


def test_pixels_that_are_drawn_as_four_are_stored_once(tmp_path):
    path = tmp_path / "a.png"
    draw_picture(path, 24, seed=0)
    album = Album()
    picture = album.add(path)
    assert (picture.width, picture.height) == (24, 24)
    assert decoded(album.source(picture)).size == (12, 12)


def test_a_picture_is_in_the_page_once(tmp_path):
    album = Album()
    first, again, other = (album.add(smooth(tmp_path / name, 16)) for name in ("a.png", "a.png", "b.png"))
    assert first == again
    assert album.source(first)
    assert album.source(first) == ""
    assert set(album.rest()) == {other.index}


def test_no_more_than_the_budget_is_stored(tmp_path):
    one = Album()
    size = len(one.source(one.add(smooth(tmp_path / "0.png", 64))))
    album = Album(budget=3 * size)
    added = [album.add(smooth(tmp_path / f"{i}.png", 64)) for i in range(5)]
    assert [picture is not None for picture in added] == [True, True, True, False, False]
    assert album.left_out == 2
    assert sum(map(len, album.rest().values())) <= 3 * size


def bomb(path):
    Image.new("1", (LARGEST_SIDE + 1, 8)).save(path)


def truncated(path):
    smooth(path, 64)
    path.write_bytes(path.read_bytes()[:-30])


def crafted(name, data):
    """A picture of 8×8 pixels with a chunk behind them that no reader expects there."""

    def write(path):
        smooth(path, 8)
        content = path.read_bytes()
        end = content.index(b"IEND") - 4
        chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        path.write_bytes(content[:end] + chunk + content[end:])

    return write


DAMAGES = {
    "a profile without its fields": crafted(b"iCCP", b"a\0"),
    "transparency of no colour": crafted(b"tRNS", b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("<svg onload=alert(1)>"),
    "another format": lambda path: Image.new("L", (8, 8)).save(path, "GIF"),
    "too large": bomb,
    "truncated": truncated,
    "missing": lambda path: None,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_no_picture_is_left_out(tmp_path, damage):
    damage(tmp_path / "a.png")
    album = Album()
    assert album.add(tmp_path / "a.png") is None
    assert album.unreadable == [tmp_path / "a.png"]
