"""Batches made on a device are those of the loader; here the device is the CPU."""

import pytest
import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader

from genlab.data import dataset
from genlab.data.datamodule import ImageDataModule
from genlab.data.dataset import DeviceBatches
from genlab.data.samplers import EpochOrder, EvaluationShare
from genlab.errors import ConfigError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(mnist_root):
    module = ImageDataModule("mnist", root=str(mnist_root), batch_size=64, seed=3)
    module.setup()
    return module


def assert_equal(batches, others):
    batches, others = list(batches), list(others)
    assert len(batches) == len(others)
    for one, other in zip(batches, others, strict=True):
        for here, there in zip(one, other, strict=True):
            assert here.dtype == there.dtype
            assert torch.equal(here, there)


@pytest.mark.parametrize("chunk", [1, 64 * 784 * 4 * 3, 2**26])
def test_training_batches_of_an_epoch_are_those_of_the_loader(data, chunk, monkeypatch):
    monkeypatch.setattr(dataset, "CACHE_BYTES", chunk)
    loader = data.train_dataloader()
    made = DeviceBatches(data.train_set, 64, EpochOrder(data.train_set, 3), CPU)
    assert len(made) == len(loader)
    for epoch in (0, 5):
        loader.sampler.set_epoch(epoch)
        made.sampler.set_epoch(epoch)
        assert_equal(made, loader)


def test_an_epoch_begins_behind_the_batches_that_were_seen(data):
    order = EpochOrder(data.train_set, 3)
    order.skip = 128
    made = DeviceBatches(data.train_set, 64, order, CPU)
    whole = list(data.train_dataloader())
    assert_equal(made, whole[2:])
    assert_equal(made, whole)  # the next pass is whole


def test_evaluation_batches_are_those_of_the_loader(data):
    made = DeviceBatches(data.val_set, data.eval_batch_size, EvaluationShare(data.val_set, 0, 1), CPU)
    assert_equal(made, data.val_dataloader())


def test_no_process_loads_what_lies_on_the_device():
    with pytest.raises(ConfigError, match=r"data\.num_workers=2: .* data\.on_device=true"):
        ImageDataModule("mnist", num_workers=2, on_device=True)


def test_a_cpu_needs_no_loader_and_gets_one_where_it_is_asked_for(data):
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    for chosen, made in {"auto": DeviceBatches, True: DeviceBatches, False: DataLoader}.items():
        module = ImageDataModule("mnist", root=data.root, on_device=chosen)
        module.setup()
        module.trainer = trainer
        assert type(module.train_dataloader()) is made
        assert type(module.val_dataloader()) is made
