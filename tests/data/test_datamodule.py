"""Splits, batches and the order of the images."""

import gzip

import pytest
import torch
from conftest import N_TEST, N_TRAIN, draw_shapes, write_idx
from pydantic import ValidationError
from torchvision.datasets import MNIST
from torchvision.transforms.functional import to_tensor

from genlab.data.catalogue import FILES
from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import cache_folder
from genlab.errors import DataError


@pytest.fixture(scope="module")
def mnist():
    """The real one, from the bundle."""
    data = ImageDataModule("mnist")
    data.prepare_data()
    data.setup()
    return data


@pytest.fixture
def stand_in(mnist_root):
    data = ImageDataModule("mnist", root=str(mnist_root), batch_size=32)
    data.setup()
    return data


def test_the_splits_have_55000_5000_and_10000_images(mnist):
    assert (len(mnist.train_set), len(mnist.val_set), len(mnist.test_set)) == (55_000, 5_000, 10_000)


def test_training_and_validation_are_the_training_images_cut_in_two(mnist):
    together = torch.cat([mnist.train_set.images, mnist.val_set.images])
    reference = MNIST(cache_folder(), train=True)  # torchvision reads the folder as it is
    assert torch.equal(together[:, 0], reference.data)
    assert torch.equal(torch.cat([mnist.train_set.labels, mnist.val_set.labels]).long(), reference.targets)


def test_the_official_test_images_are_the_test_set(mnist):
    reference = MNIST(cache_folder(), train=False)
    assert torch.equal(mnist.test_set.images[:, 0], reference.data)


def test_a_batch_is_what_torchvision_would_give(mnist):
    images, labels = next(iter(mnist.test_dataloader()))
    reference = MNIST(cache_folder(), train=False)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert torch.equal(images, torch.stack([to_tensor(reference[i][0]) for i in range(len(images))]))
    assert labels.tolist() == [reference[i][1] for i in range(len(labels))]


def test_an_epoch_has_each_training_image_once(stand_in):
    seen = torch.cat([images for images, _ in stand_in.train_dataloader()])
    assert len(seen) == N_TRAIN * 11 // 12
    expected = stand_in.train_set.images.flatten(1).float().div(255)
    assert torch.equal(seen.flatten(1).sort(0).values, expected.sort(0).values)


def test_evaluation_keeps_the_order(stand_in):
    seen = torch.cat([labels for _, labels in stand_in.test_dataloader()])
    assert len(seen) == N_TEST
    assert torch.equal(seen, stand_in.test_set.labels.long())


def order(root, seed, epoch):
    data = ImageDataModule("mnist", root=str(root), seed=seed)
    data.setup()
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader.sampler)


def test_the_order_is_a_function_of_seed_and_epoch(mnist_root):
    assert order(mnist_root, seed=1, epoch=3) == order(mnist_root, seed=1, epoch=3)


@pytest.mark.parametrize("other", [{"seed": 1, "epoch": 4}, {"seed": 0, "epoch": 3}, {"seed": 2, "epoch": 2}])
def test_another_seed_or_epoch_is_another_order(mnist_root, other):
    assert order(mnist_root, seed=1, epoch=3) != order(mnist_root, **other)


def test_worker_processes_give_the_same_batches(mnist_root):
    def batches(num_workers):
        data = ImageDataModule("mnist", root=str(mnist_root), batch_size=100, num_workers=num_workers)
        data.setup()
        return torch.cat([images for images, _ in data.train_dataloader()])

    assert torch.equal(batches(0), batches(2))


def test_a_root_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"data\.root=.*absent: no such folder"):
        ImageDataModule("mnist", root=str(tmp_path / "absent")).prepare_data()


def made(root, n_train, n_test, seed=0, packed=False):
    """A data module on the first images of the stand-in's kind, not set up."""
    root.mkdir(exist_ok=True)
    for values, file in zip([*draw_shapes(n_train, seed), *draw_shapes(n_test, seed + 1)], FILES, strict=True):
        write_idx(root / file, values)
        if packed:
            (root / f"{file}.gz").write_bytes(gzip.compress((root / file).read_bytes()))
            (root / file).unlink()
    return ImageDataModule("mnist", root=str(root))


def fingerprint(*arguments, **options):
    data = made(*arguments, **options)
    data.setup()
    return data.images["fingerprint"]


def test_the_fingerprint_is_that_of_the_images_wherever_they_lie(tmp_path):
    once = fingerprint(tmp_path / "a", 30, 5)
    assert len(once) == 16 and set(once) <= set("0123456789abcdef")
    assert fingerprint(tmp_path / "b", 30, 5, packed=True) == once


@pytest.mark.parametrize("other", [(31, 5, 0), (30, 6, 0), (30, 5, 2)])
def test_other_images_have_another_fingerprint(tmp_path, other):
    n_train, n_test, seed = other
    assert fingerprint(tmp_path / "b", n_train, n_test, seed=seed) != fingerprint(tmp_path / "a", 30, 5)


@pytest.mark.parametrize("file", FILES)
def test_one_bit_of_one_file_changes_the_fingerprint(tmp_path, file):
    once = fingerprint(tmp_path, 30, 5)
    content = bytearray((tmp_path / file).read_bytes())
    content[-1] ^= 1
    (tmp_path / file).write_bytes(content)
    data = ImageDataModule("mnist", root=str(tmp_path))
    data.setup()
    assert data.images["fingerprint"] != once


@pytest.mark.parametrize("recorded", [{"fingerprint": "0" * 16}, {}, "x", 7, []])
def test_other_images_than_those_of_the_run_are_refused(stand_in, recorded):
    with pytest.raises(DataError, match=r"others than those that the run was trained on; .* data\.root=FOLDER"):
        stand_in.check_images(recorded)


def test_the_same_images_and_runs_without_a_record_are_accepted(stand_in):
    stand_in.check_images(stand_in.images)
    stand_in.check_images(None)


def test_twelve_training_images_are_enough(tmp_path):
    data = made(tmp_path, 12, 2)
    data.setup()
    assert (len(data.train_set), len(data.val_set), len(data.test_set)) == (10, 2, 2)


@pytest.mark.parametrize(("n_train", "n_test"), [(11, 2), (12, 1)])
def test_fewer_are_refused(tmp_path, n_train, n_test):
    with pytest.raises(DataError, match=f"{n_train} training and {n_test} test images; there must be 12 and 2"):
        made(tmp_path, n_train, n_test).setup()


@pytest.mark.parametrize("wrong", [{"name": "cifar"}, {"batch_size": 0}, {"num_workers": -1}, {"seed": 1.5}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        ImageDataModule(**wrong)
