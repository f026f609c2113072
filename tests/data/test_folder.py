"""Image files of the user's: what is in them arrives, once decoded; what does not fit is told in one line."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from conftest import stand_in_config
from PIL import Image

import genlab
from genlab.data import folder
from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import LOCK, cache_folder
from genlab.errors import DataError
from genlab.training.train import train


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder() / "folders"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def put(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def fill(root, n=14, shape=(9, 8), suffix="png"):
    """n images, and the arrays that they are."""
    arrays = {f"{index:02}.{suffix}": pixels(*shape, seed=index) for index in range(n)}
    for name, array in arrays.items():
        put(root / name, array)
    return arrays


def read(root, **settings):
    data = ImageDataModule("folder", str(root), **settings)
    data.setup()
    return data


def images_of(data):
    """File name → (C, H, W)."""
    sets = {"train": data.train_set, "validation": data.val_set, "test": data.test_set}
    return {
        name: image.numpy()
        for split, part in sets.items()
        for name, image in zip(data.members[split], part.images, strict=True)
    }


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("bmp", {}), ("webp", {"lossless": True})])
def test_the_pixels_of_every_file_arrive(root, suffix, options):
    arrays = {f"{index}.{suffix}": pixels(9, 8, 3, seed=index) for index in range(14)}
    for name, array in arrays.items():
        put(root / name, array, **options)
    data = read(root)
    found = images_of(data)
    assert data.image_shape == (3, 9, 8) and data.num_classes == 0
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], array.transpose(2, 0, 1)) for name, array in arrays.items())


def test_jpeg_is_read_and_grey_stays_grey(root):
    for index in range(14):
        put(root / f"{index}.jpg", np.full((8, 8), 10 * index, np.uint8))
    data = read(root)
    assert data.image_shape == (1, 8, 8)
    assert all(abs(int(image.max()) - 10 * int(name[:-4])) <= 2 for name, image in images_of(data).items())


@pytest.mark.parametrize("channels", [1, 3])
def test_the_channels_may_be_chosen(root, channels):
    fill(root)
    assert read(root, channels=channels).image_shape == (channels, 9, 8)


def test_a_folder_a_class_below_a_folder_a_split(root):
    for split, n in {"train": 12, "val": 2, "test": 3}.items():
        for index in range(n):
            put(root / split / ("cat" if index % 2 else "ant") / f"{index}.png", pixels(8, 8, seed=index))
    data = read(root)
    assert data.classes == ("ant", "cat") and data.num_classes == 2
    assert [len(part) for part in (data.train_set, data.val_set, data.test_set)] == [12, 2, 3]
    for split, part in {"train": data.train_set, "validation": data.val_set, "test": data.test_set}.items():
        assert part.labels.tolist() == ["cat" in name for name in data.members[split]]
    assert data.members["test"] == ["test/ant/0.png", "test/ant/2.png", "test/cat/1.png"]


def test_the_split_is_always_the_same_and_mixes_the_classes(root):
    for index in range(70):
        put(root / ("b" if index < 35 else "a") / f"{index}.png", pixels(8, 8, seed=index))
    one, other = read(root, seed=1), read(root, seed=2)
    assert one.images == other.images
    assert [one.images[name] for name in ("train", "validation", "test")] == [55, 5, 10]
    assert one.test_set.labels.unique().tolist() == [0, 1]


def test_images_are_scaled_and_their_middle_is_cut_out(root):
    for index in range(14):
        array = np.zeros((20, 40 + index), np.uint8)
        array[:, (20 + index) // 2 : (60 + index) // 2] = 255  # the middle square
        put(root / f"{index}.png", array)
    data = read(root, image_size=10)
    assert data.image_shape == (1, 10, 10)
    assert all(image[:, :, 1:-1].min() == 255 for image in images_of(data).values())


def test_what_is_transparent_is_white_and_what_lies_on_its_side_is_turned(root):
    fill(root, 12, (9, 8, 3))
    put(root / "clear.png", np.zeros((9, 8, 4), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    on_its_side = pixels(8, 9, 3)
    put(root / "turned.png", on_its_side, exif=exif)
    found = images_of(read(root))
    assert (found["clear.png"] == 255).all()
    assert np.array_equal(found["turned.png"].transpose(1, 2, 0), np.rot90(on_its_side, -1))


def test_files_are_decoded_once(root, monkeypatch, capsys, cache):
    fill(root)
    once = read(root).images
    (made,) = (path for path in cache.iterdir() if path.is_dir())
    assert capsys.readouterr().err == f"folder: {root} decoded into {made}\n"
    monkeypatch.setattr(folder, "decode", None)
    assert read(root).images == once
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("change", [lambda root: os.utime(root / "03.png", (1, 1)), lambda root: fill(root, 15)])
def test_another_folder_is_decoded_anew(root, change, cache):
    fill(root)
    read(root)
    change(root)
    read(root)
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


def test_what_a_killed_process_has_left_is_removed(root, cache):
    (cache / ".fetching-abc").mkdir(parents=True)
    fill(root)
    read(root)
    assert not (cache / ".fetching-abc").exists()


def test_a_damaged_cache_is_told(root, cache):
    fill(root)
    read(root)
    (file,) = cache.glob("*/images.u8")
    file.write_bytes(b"")
    with pytest.raises(DataError, match=r"damaged; delete it, and .* is decoded anew"):
        read(root)


def text(path):
    path.write_text("no image")


def cut_png(path):
    put(path, pixels(9, 8))
    path.write_bytes(path.read_bytes()[:-40])


def animated(path):
    frames = [Image.fromarray(pixels(9, 8, seed=seed)) for seed in (1, 2)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def cmyk(path):
    Image.fromarray(pixels(9, 8, 3)).convert("CMYK").save(path, format="JPEG")


def colour_of_16_bits(path):
    """By hand, because Pillow writes none."""
    rows = b"".join(b"\0" + bytes(6 * 8) for _ in range(9))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 9, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


UNFIT = {
    "labels.csv": (text, "no PNG, JPEG, WebP or BMP image"),
    "empty.png": (lambda path: path.write_bytes(b""), "no PNG, JPEG, WebP or BMP image"),
    "cut.png": (cut_png, "damaged: "),
    "moving.png": (animated, "animated"),
    "moving.webp": (animated, "animated"),
    "deep.png": (lambda path: put(path, pixels(9, 8).astype(np.uint16)), "16 bits a colour"),
    "deep_colour.png": (colour_of_16_bits, "16 bits a colour"),
    "print.jpg": (cmyk, "CMYK pixels"),
    "pipe.png": (os.mkfifo, "no file but a pipe"),
    "link.png": (lambda path: path.symlink_to("nowhere"), "no file but a pipe, a device or a broken link"),
    "other.gif": (lambda path: put(path, pixels(9, 8)), "no PNG, JPEG, WebP or BMP image"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_file_that_does_not_fit_is_refused_or_left_out_and_named(root, name, capsys, cache):
    arrays = fill(root, 16)
    make, why = UNFIT[name]
    make(root / name)
    with pytest.raises(DataError) as error:
        read(root)
    assert f"{root}: files that are no images for genlab: {name} ({why}" in str(error.value)
    assert "data.unfit=skip" in str(error.value) and "\n" not in str(error.value)
    assert [path.name for path in cache.iterdir()] == [LOCK]
    data = read(root, unfit="skip")
    assert images_of(data).keys() == arrays.keys()
    assert f"warning: {root}: files that are no images for genlab: {name} ({why}" in capsys.readouterr().err
    assert list(data.members["left_out"]) == [name]


WRONG = {
    "nothing": (lambda root: None, "no images in it"),
    "one image": (lambda root: fill(root, 1), "1 image; there must be 14 at least"),
    "two sizes": (
        lambda root: (fill(root), put(root / "z.png", pixels(8, 9))),
        "z.png has 9×8 pixels; data",
    ),
    "large": (lambda root: fill(root, 14, (300, 9)), "00.png has 9×300 pixels, where sides are 8 to 256"),
    "mixed": (lambda root: (fill(root), fill(root / "cat")), "images beside folders with images"),
    "no train": (lambda root: fill(root / "test"), "test; there must be train"),
    "twice": (lambda root: [fill(root / part) for part in ("train", "val", "valid")], "val once each"),
    "beside": (lambda root: [fill(root / part) for part in ("train", "cat")], "cat beside train; move it away"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_folder_that_does_not_fit_is_refused_in_one_line(root, what):
    make, expected = WRONG[what]
    make(root)
    with pytest.raises(DataError) as error:
        read(root)
    assert expected in str(error.value)
    assert str(error.value).startswith(f"{root}: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "folder"}, "needs data.root=PATH"),
        ({"name": "folder", "root": "absent"}, "data.root=absent: no such folder; name the folder of the images"),
    ],
)
def test_a_root_that_is_no_folder_is_refused(arguments, expected):
    with pytest.raises(DataError, match=expected):
        ImageDataModule(**arguments).setup()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "one.png").write_text("")
    with pytest.raises(DataError, match="a file, no folder; name the folder of the images"):
        read(tmp_path / "one.png")


def test_a_cache_that_cannot_be_written_is_told(root, cache):
    fill(root)
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    with pytest.raises(DataError, match=r"folders: .*; make room, or allow access"):
        read(root)


def test_a_run_on_a_folder_of_colour_images(root, tmp_path):
    for index in range(20):
        put(root / f"class {index % 2}" / f"{index}.png", pixels(32, 32, 3, seed=index))
    small = ["model.hidden_dims=[8]", "model.latent_dim=2", "callbacks=search", "callbacks.test_nll.samples=2"]
    quick = ["trainer.max_epochs=1", "logger=none", "data.num_workers=1"]
    train(stand_in_config(root, tmp_path, "data=folder", *small, *quick))
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert split["classes"] == ["class 0", "class 1"]
    assert len(split["test"]) == 2 and split["left_out"] == {}
    sample = genlab.load(tmp_path / "run").sample(2, torch.Generator().manual_seed(0))
    assert sample.shape == (2, 3, 32, 32)
