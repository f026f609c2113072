"""Every image counts the same, however many processes share them."""

import pytest
import torch

from genlab.data.dataset import ImageDataset
from genlab.data.samplers import EvaluationShare


def shares(images, processes):
    data = ImageDataset(torch.zeros(images, 1, 28, 28, dtype=torch.uint8), torch.zeros(images, dtype=torch.uint8))
    return [EvaluationShare(data, rank, processes) for rank in range(processes)]


@pytest.mark.parametrize(("images", "processes"), [(5000, 1), (5000, 3), (83, 2), (7, 7), (8, 7)])
def test_all_processes_together_have_each_image_once(images, processes):
    assert sorted(index for share in shares(images, processes) for index in share) == list(range(images))


@pytest.mark.parametrize(("images", "processes"), [(1, 2), (5, 8)])
def test_where_there_are_too_few_images_each_process_has_all(images, processes):
    assert [list(share) for share in shares(images, processes)] == [list(range(images))] * processes


@pytest.mark.parametrize(("images", "processes"), [(5000, 3), (83, 2), (1, 2)])
def test_the_length_is_that_of_the_share_and_none_is_empty(images, processes):
    lengths = [len(share) for share in shares(images, processes)]
    assert lengths == [len(list(share)) for share in shares(images, processes)]
    assert max(lengths) - 1 <= min(lengths) > 0
