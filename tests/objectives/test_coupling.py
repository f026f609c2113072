"""Which noise goes with which image."""

import itertools

import pytest
import torch

from genlab.objectives.coupling import optimal_coupling


def batch(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, 1, 2, 3, generator=generator, dtype=torch.float64) for _ in range(2))


def cost(noise, data):
    return (noise - data).square().sum()


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_other_permutation_is_cheaper(n, seed):
    noise, data = batch(n, seed)
    least = min(cost(noise[list(order)], data) for order in itertools.permutations(range(n)))
    torch.testing.assert_close(cost(noise[optimal_coupling(noise, data)], data), least)


def test_each_draw_of_noise_is_used_once():
    noise, data = batch(20, 0)
    assert optimal_coupling(noise, data).sort().values.tolist() == list(range(20))


def test_noise_that_is_the_shuffled_data_finds_its_own():
    _, data = batch(20, 0)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    assert torch.equal(data[order][optimal_coupling(data[order], data)], data)
