"""Arrays of the user's: what they are is told from names, types and shapes; what is doubtful is refused in one line."""

import numpy as np
import pytest
import torch

from genlab.data.arrays import read_arrays, read_digits, to_images
from genlab.data.datamodule import ImageDataModule
from genlab.errors import DataError


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def labels(n, classes=3):
    return np.arange(n) % classes


def saved(path, **arrays):
    np.savez(path / "own.npz", **arrays)
    return str(path / "own.npz")


KERAS = {"x_train": pixels(24, 9, 8), "y_train": labels(24), "x_test": pixels(6, 9, 8, seed=1), "y_test": labels(6)}


@pytest.mark.parametrize("shape", [(5, 9, 8), (5, 1, 9, 8), (5, 9, 8, 1), (5, 3, 9, 8), (5, 9, 8, 3)])
def test_the_place_of_the_channels_is_found(shape):
    array = pixels(*shape)
    images = to_images(array, "x")
    assert images.shape == (5, 3 if 3 in shape else 1, 9, 8)
    row, column = 4, 6
    expected = array[2, row, column] if shape[-1] in (1, 3) or len(shape) == 3 else array[2, :, row, column]
    assert np.array_equal(images[2, :, row, column].numpy(), np.atleast_1d(expected))


def test_the_names_of_keras(tmp_path):
    splits = read_arrays(saved(tmp_path, **KERAS))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (22, 2, 6)
    assert np.array_equal(splits.test.images[:, 0].numpy(), KERAS["x_test"])
    assert splits.test.labels.tolist() == KERAS["y_test"].tolist()
    assert splits.classes == ("0", "1", "2")
    assert splits.members["test"] == {"x_test": list(range(6))}
    rows = splits.members["train"]["x_train"]
    assert sorted(rows + splits.members["validation"]["x_train"]) == list(range(24))
    assert np.array_equal(splits.train.images[:, 0].numpy(), KERAS["x_train"][rows])
    assert splits.train.labels.tolist() == KERAS["y_train"][rows].tolist()


def test_the_names_of_medmnist_and_its_columns_of_labels(tmp_path):
    given = {"train": 14, "val": 4, "test": 3}
    images = {f"{name}_images": pixels(n, 8, 8, 3, seed=n) for name, n in given.items()}
    columns = {f"{name}_labels": labels(n)[:, None] for name, n in given.items()}
    splits = read_arrays(saved(tmp_path, **images, **columns))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [14, 4, 3]
    assert np.array_equal(splits.validation.images.permute(0, 2, 3, 1).numpy(), images["val_images"])


def test_images_without_a_split_are_split_always_alike_whatever_the_seed_of_the_run(tmp_path):
    path = saved(tmp_path, images=pixels(70, 8, 8), labels=labels(70))
    one, other = (ImageDataModule("arrays", path, seed=seed) for seed in (1, 2))
    one.setup()
    other.setup()
    assert one.images == other.images
    assert [one.images[name] for name in ("train", "validation", "test")] == [55, 5, 10]
    rows = [part["images"] for part in one.members.values()]
    assert sorted(number for part in rows for number in part) == list(range(70))
    assert rows[1] != list(range(55, 60))


def test_images_need_no_labels(tmp_path):
    data = ImageDataModule("arrays", saved(tmp_path, images=pixels(20, 8, 8)))
    assert data.num_classes == 0
    assert data.train_set.labels.unique().tolist() == [0]


def test_many_classes_keep_their_labels(tmp_path):
    splits = read_arrays(saved(tmp_path, images=pixels(400, 8, 8), labels=np.arange(400)))
    assert sorted(torch.cat([splits.train.labels, splits.validation.labels, splits.test.labels]).tolist()) == [
        *range(400)
    ]


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    splits = read_digits()
    images, targets = load_digits(return_X_y=True)
    rows = splits.members["test"]["images"]
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 1797
    assert torch.equal((splits.test.images / 255 * 16).round().flatten(1).double(), torch.tensor(images[rows]))
    assert splits.test.labels.tolist() == targets[rows].tolist()


def without(**changes):
    arrays = {**KERAS, **changes}
    return {name: value for name, value in arrays.items() if value is not None}


# what is in the file → part of the answer
WRONG = {
    "pickled objects": (
        without(x_train=np.array([{}, []], dtype=object)),
        "so it is not opened (Object arrays cannot be loaded",
    ),
    "floats": (without(x_train=KERAS["x_train"] / 255), "x_train has float64 values; save pixels as uint8"),
    "either place": (without(x_train=pixels(24, 3, 9, 3)), "could be (N, H, W, C) or (N, C, H, W)"),
    "two channels": (without(x_train=pixels(24, 9, 8, 2)), "is not (N, H, W), nor with 1 or 3 channels"),
    "vectors": (without(x_train=pixels(24, 72)), "has the shape (24, 72)"),
    "two shapes": (without(x_test=pixels(6, 8, 8)), "images of several shapes"),
    "small": (without(x_train=pixels(24, 4, 4), x_test=pixels(6, 4, 4)), "their sides must be 8 to 256"),
    "no images": ({"y_train": labels(24)}, "y_train, but no x_train"),
    "no training": (without(x_train=None, y_train=None), "nothing to train on; save x_train too"),
    "some labels": (without(y_test=None), "no y_test, though other images have labels"),
    "fewer labels": (without(y_test=labels(5)), "y_test has 5 labels for 6 images"),
    "one-hot labels": (without(y_test=np.eye(6, dtype=int)), "y_test has int64 values of shape (6, 6)"),
    "floating labels": (without(y_test=labels(6) / 2), "y_test has float64 values"),
    "negative labels": (without(y_test=labels(6) - 1), "y_test has labels from -1 to 1"),
    "two conventions": (without(images=pixels(24, 9, 8)), "say twice what the images are"),
    "other names": ({"pictures": pixels(24, 9, 8)}, "has pictures in it; its arrays must be called x_train"),
    "one image": ({"images": pixels(1, 9, 8)}, "1 image; there must be 14 at least"),
    "few to train on": (without(x_train=pixels(9, 9, 8), y_train=labels(9)), "9 images to train on; there must be 12"),
    "no image": ({"images": pixels(0, 9, 8)}, "0 images; there must be 14"),
    "one test image": (without(x_test=pixels(1, 9, 8), y_test=labels(1)), "24 training and 1 test images"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arrays_are_refused_in_one_line(tmp_path, what):
    arrays, expected = WRONG[what]
    path = saved(tmp_path, **arrays)
    with pytest.raises(DataError) as error:
        ImageDataModule("arrays", path).setup()
    assert expected in str(error.value)
    assert str(error.value).startswith(path)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (cut, "no .npz file of plain arrays, so it is not opened"),
        (lambda path: path.write_bytes(b""), "no .npz file of plain arrays"),
        (lambda path: path.write_text("pictures"), "no .npz file of plain arrays"),
        (lambda path: np.save(path.open("wb"), pixels(20, 8, 8)), "no .npz file of plain arrays.*one array"),
        (lambda path: path.unlink(), "no file that can be read"),
    ],
)
def test_what_is_no_npz_file_is_refused(tmp_path, harm, expected):
    path = saved(tmp_path, **KERAS)
    harm(tmp_path / "own.npz")
    with pytest.raises(DataError, match=expected):
        ImageDataModule("arrays", path).setup()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "arrays"}, "data.root: is missing; data=arrays needs data.root=PATH"),
        ({"name": "digits", "root": "x"}, "leave data.root out"),
        ({"name": "arrays", "root": "."}, "no file that can be read"),
    ],
)
def test_a_root_that_does_not_fit_is_refused(arguments, expected):
    with pytest.raises(DataError) as error:
        ImageDataModule(**arguments).setup()
    assert expected in str(error.value)
