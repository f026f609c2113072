"""Which labels are known: evenly many, always the same, and no other in a batch."""

import pytest
import torch

from genlab.data.datamodule import ImageDataModule
from genlab.data.splits import chosen_evenly
from genlab.errors import ConfigError

LABELS = torch.randint(5, (400,), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("n", "counts"), [(20, [4] * 5), (5, [1] * 5), (23, [4, 4, 5, 5, 5])])
def test_each_class_has_as_many_or_one_more(n, counts):
    rows = chosen_evenly(LABELS, n, 5)
    assert len(set(rows.tolist())) == n and torch.equal(rows, rows.sort().values)
    assert sorted(torch.bincount(LABELS[rows]).tolist()) == counts


def test_of_a_class_that_has_too_few_all_are_taken():
    labels = LABELS.clone()
    labels[labels == 3] = 0
    labels[[17, 42]] = 3
    rows = chosen_evenly(labels, 50, 5)
    assert {17, 42} < set(rows.tolist())
    assert torch.bincount(labels[rows]).tolist() == [12, 12, 12, 2, 12]
    assert torch.equal(chosen_evenly(labels, 400, 5), torch.arange(400))


def test_fewer_are_among_more():
    assert set(chosen_evenly(LABELS, 20, 5).tolist()) < set(chosen_evenly(LABELS, 60, 5).tolist())


def test_they_are_spread_over_the_images():
    rows = chosen_evenly(LABELS, 50, 5)
    # of 50 rows drawn from 400, a half is in the first half, ± five standard errors of √(50 · ¼) = 3.5
    assert 7 < (rows < 200).sum() < 43


@pytest.mark.parametrize(("n", "words"), [(401, "400 training images; give fewer"), (4, "5 classes; give one label")])
def test_too_many_and_too_few_are_refused(n, words):
    with pytest.raises(ConfigError, match=f"^model.labels={n}: there are {words}"):
        chosen_evenly(LABELS, n, 5)


@pytest.fixture
def hidden(mnist_root):
    """hidden(seed): a data module on 550 images, of which 20 have a label."""

    def made(seed):
        data = ImageDataModule("mnist", root=str(mnist_root), batch_size=100, seed=seed)
        data.setup()
        return data, data.hide_labels(but=20)

    return made


def test_the_batches_have_those_labels_only(hidden):
    data, (images, labels, of) = hidden(seed=0)
    assert (images.shape, images.dtype, of) == ((20, 1, 28, 28), torch.uint8, 550)
    assert torch.bincount(labels).tolist() == [2] * 10
    batches = list(data.train_dataloader())
    seen, told = (torch.cat(part) for part in zip(*batches, strict=True))
    assert (told >= 0).sum() == 20 and (told < 0).sum() == 530
    known = {image.numpy().tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    for image, label in zip((seen[told >= 0] * 255).round().to(torch.uint8), told[told >= 0], strict=True):
        assert known[image.numpy().tobytes()] == label


def test_they_are_the_same_for_each_seed_and_others_keep_theirs(hidden):
    (one, first), (_, second) = hidden(seed=0), hidden(seed=1)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert (one.train_set.labels < 10).all()
    for loader in (one.val_dataloader(), one.test_dataloader()):
        assert all((labels >= 0).all() for _, labels in loader)


def test_the_prior_knows_no_hidden_label(hidden):
    data, _ = hidden(seed=0)
    torch.testing.assert_close(data.label_shares, torch.full((10,), 0.1))
