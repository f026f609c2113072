"""CIFAR-10, SVHN and EMNIST's letters arrive as torchvision reads them; what is damaged, or more than data, is told."""

import hashlib
import pickle
import urllib.error

import numpy as np
import pytest
import torch
from conftest import stand_in_config, write_idx
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

import genlab
from genlab.data.catalogue import CATALOGUE
from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import fetched_files, find_files
from genlab.errors import DataError
from genlab.training.train import train

N_TRAIN, N_TEST = 60, 12


def pixels(n, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def put_cifar(root, old=True):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for index, name in enumerate(CATALOGUE["cifar10"].files):
        n = N_TEST if name == "test_batch" else N_TRAIN // 5
        table = {"data": pixels(n, 3072, seed=index), "labels": [row % 10 for row in range(n)], "batch_label": name}
        content = pickle.dumps(table, protocol=2)
        if old:  # as NumPy 1 wrote it
            content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        (folder / name).write_bytes(content)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CATALOGUE["cifar10"].classes)}))
    return folder


def put_svhn(root):
    root.mkdir(parents=True, exist_ok=True)
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        labels = np.arange(n, dtype=np.uint8)[:, None] % 10 + 1
        savemat(root / f"{split}_32x32.mat", {"X": pixels(32, 32, 3, n), "y": labels})
    return root


def put_letters(root):
    folder = root / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        images = pixels(n, 28, 28)
        write_idx(folder / f"emnist-letters-{split}-images-idx3-ubyte", torch.from_numpy(images))
        write_idx(folder / f"emnist-letters-{split}-labels-idx1-ubyte", torch.arange(n).remainder(26).add(1).byte())
    return folder


PUT = {"cifar10": put_cifar, "svhn": put_svhn, "emnist_letters": put_letters}


def read(name, root):
    data = ImageDataModule(name, str(root))
    data.setup()
    return data


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def images_and_labels(data):
    images = torch.cat([data.train_set.images, data.val_set.images])
    return images, torch.cat([data.train_set.labels, data.val_set.labels]).tolist()


@pytest.mark.parametrize("old", [True, False], ids=["NumPy 1", "NumPy 2"])
def test_cifar10_is_what_torchvision_reads(tmp_path, monkeypatch, old):
    folder = put_cifar(tmp_path, old)
    for name in ("train_list", "test_list"):
        files = [[file, md5(folder / file)] for file, _ in getattr(datasets.CIFAR10, name)]
        monkeypatch.setattr(datasets.CIFAR10, name, files)
    meta = datasets.CIFAR10.meta | {"md5": md5(folder / "batches.meta")}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    theirs = datasets.CIFAR10(tmp_path, train=True)
    data = read("cifar10", tmp_path)
    images, labels = images_and_labels(data)
    assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), theirs.data) and labels == theirs.targets
    assert np.array_equal(data.test_set.images[3].permute(1, 2, 0), datasets.CIFAR10(tmp_path, train=False).data[3])
    assert data.image_shape == (3, 32, 32) and data.num_classes == 10 and list(data.classes) == theirs.classes


def test_svhn_is_what_torchvision_reads(tmp_path, monkeypatch):
    put_svhn(tmp_path)
    split = {
        name: [*entry[:2], md5(tmp_path / entry[1])]
        for name, entry in datasets.SVHN.split_list.items()
        if name != "extra"
    }
    monkeypatch.setattr(datasets.SVHN, "split_list", split)
    theirs = datasets.SVHN(tmp_path, split="train")
    images, labels = images_and_labels(read("svhn", tmp_path))
    assert np.array_equal(images.numpy(), theirs.data) and labels == theirs.labels.tolist()
    assert 0 in labels and 10 not in labels


def test_letters_are_upright_and_begin_at_0(tmp_path):
    put_letters(tmp_path)
    theirs = datasets.EMNIST(tmp_path, split="letters", train=True)
    data = read("emnist_letters", tmp_path)
    images, labels = images_and_labels(data)
    assert torch.equal(images[:, 0], theirs.data.mT)
    assert [data.classes[label] for label in labels] == [theirs.classes[label] for label in theirs.targets]
    assert data.num_classes == 26 and data.image_shape == (1, 28, 28)


@pytest.mark.parametrize("name", PUT)
def test_files_are_found_in_their_own_folder_too(tmp_path, name):
    folder = PUT[name](tmp_path)
    assert find_files(name, str(folder)) == find_files(name, str(tmp_path))


@pytest.mark.parametrize("name", PUT)
def test_without_a_network_it_is_told_what_to_put_where(tmp_path, monkeypatch, name):
    def no_network(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(DataError) as error:
        fetched_files(name, tmp_path / "cache")
    message = str(error.value)
    assert message.startswith(f"{name} could not be downloaded (") and "\n" not in message
    assert str(tmp_path / "cache" / CATALOGUE[name].folder) in message
    assert all(file in message for file in CATALOGUE[name].files) and "train on data=mnist" in message
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", PUT)
def test_what_is_put_there_is_enough(tmp_path, name):
    folder = PUT[name](tmp_path if name != "svhn" else tmp_path / "SVHN")
    assert {path.parent for path in fetched_files(name, tmp_path).values()} == {folder}


@pytest.mark.parametrize("name", PUT)
@pytest.mark.parametrize("content", [b"", b"other", b"\x80\x02]q\x00."], ids=["empty", "text", "a pickled list"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    folder = PUT[name](tmp_path)
    file = folder / CATALOGUE[name].files[0]
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"^{file}: .*put a whole copy in its place$"):
        read(name, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"data": np.zeros((12, 100), np.uint8)},
        {"data": np.zeros((12, 3072), np.float32)},
        {"data": [1, 2]},
        {"labels": [0] * 11},
        {"labels": [10] * 12},
        {"labels": None},
    ],
)
def test_a_batch_of_something_else_is_refused(tmp_path, change):
    table = {"data": pixels(12, 3072), "labels": [0] * 12} | change
    (put_cifar(tmp_path) / "data_batch_2").write_bytes(pickle.dumps(table))
    with pytest.raises(DataError, match=r"data_batch_2: (no 3×32×32 pixels|its labels are not)"):
        read("cifar10", tmp_path)


class Evil:
    def __reduce__(self):
        return print, ("was run",)


def test_a_pickle_that_names_more_than_arrays_is_not_run(tmp_path, capsys):
    table = {"data": pixels(12, 3072), "labels": Evil()}
    (put_cifar(tmp_path) / "data_batch_2").write_bytes(pickle.dumps(table))
    with pytest.raises(DataError, match=r"it names builtins\.print, which is not run"):
        read("cifar10", tmp_path)
    assert "was run" not in capsys.readouterr().out


def test_a_letter_beyond_the_alphabet_is_told(tmp_path):
    folder = put_letters(tmp_path)
    write_idx(folder / "emnist-letters-train-labels-idx1-ubyte", torch.arange(N_TRAIN).byte())
    with pytest.raises(DataError, match="a label 0, where the 26 classes are 1 to 26"):
        read("emnist_letters", tmp_path)


def test_a_vae_of_cifar10_with_pictures_in_colour(tmp_path):
    put_cifar(tmp_path / "own")
    small = ["model.hidden_dims=[8]", "model.latent_dim=2", "callbacks.test_nll.samples=2", "callbacks.manifold.size=2"]
    quick = ["trainer.max_epochs=1", "logger=none", "model=vae", *small]
    train(stand_in_config(tmp_path / "own", tmp_path, "data=cifar10", *quick))
    assert genlab.load(tmp_path / "run").sample(2).shape == (2, 3, 32, 32)
    for kind in ("samples", "reconstructions"):
        picture = np.asarray(Image.open(tmp_path / "run" / "images" / kind / "epoch_0001.png"))
        assert picture.ndim == 3 and (picture[..., 0] != picture[..., 1]).any()
