"""Splits, batches and the order of the images."""

import pytest
import torch
from conftest import N_TEST, N_TRAIN
from pydantic import ValidationError
from torchvision.datasets import MNIST
from torchvision.transforms.functional import to_tensor

from genlab.data.datamodule import ImageDataModule
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
    reference = MNIST(mnist.root_folder(), train=True)  # torchvision reads the folder as it is
    assert torch.equal(together[:, 0], reference.data)
    assert torch.equal(torch.cat([mnist.train_set.labels, mnist.val_set.labels]).long(), reference.targets)


def test_the_official_test_images_are_the_test_set(mnist):
    reference = MNIST(mnist.root_folder(), train=False)
    assert torch.equal(mnist.test_set.images[:, 0], reference.data)


def test_a_batch_is_what_torchvision_would_give(mnist):
    images, labels = next(iter(mnist.test_dataloader()))
    reference = MNIST(mnist.root_folder(), train=False)
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


@pytest.mark.parametrize("wrong", [{"name": "cifar"}, {"batch_size": 0}, {"num_workers": -1}, {"seed": 1.5}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        ImageDataModule(**wrong)
