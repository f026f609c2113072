"""The moving average of a network."""

import pytest
import torch
from torch import nn

from genlab.models.averaging import frozen_copy, update_average

DECAY = 0.9


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()


def test_the_average_is_the_sum_by_hand_buffers_included():
    """After k updates: decay^k · start + Σ_i (1 − decay) decay^(k − i) · weights_i."""
    module = network()
    averaged = frozen_copy(module)
    start = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    history = []
    for _ in range(3):
        with torch.no_grad():
            module(torch.randn(8, 3, dtype=torch.float64))  # moves the running statistics
            for weight in module.parameters():
                weight.add_(torch.randn_like(weight))
        history.append({name: tensor.clone() for name, tensor in module.state_dict().items()})
        update_average(averaged, module, 1 - DECAY)
    for name, tensor in averaged.state_dict().items():
        if name == "1.num_batches_tracked":
            continue
        terms = [(1 - DECAY) * DECAY ** (2 - i) * state[name] for i, state in enumerate(history)]
        torch.testing.assert_close(tensor, DECAY**3 * start[name] + sum(terms))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("decay", [1 / 10, 0.5, 2 / 3, 0.999])
def test_a_share_in_a_tensor_gives_the_same_to_the_bit(kind, decay):
    module = network().to(kind)
    by_number, by_tensor = frozen_copy(module), frozen_copy(module)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight))
    share = torch.zeros((), dtype=kind).fill_(1 - decay)  # as one that changes with each batch
    update_average(by_number, module, 1 - decay)
    update_average(by_tensor, module, share)
    for name, tensor in by_number.state_dict().items():
        assert torch.equal(by_tensor.state_dict()[name], tensor)


def test_integers_are_copied():
    module = network()
    averaged = frozen_copy(module)
    module(torch.randn(8, 3, dtype=torch.float64))
    update_average(averaged, module, 1 - DECAY)
    assert averaged[1].num_batches_tracked == module[1].num_batches_tracked == 1


def test_the_copy_shares_nothing_and_is_not_trained():
    module = network()
    averaged = frozen_copy(module)
    assert not any(weight.requires_grad for weight in averaged.parameters())
    assert all(weight.requires_grad for weight in module.parameters())
    pointers = {tensor.data_ptr() for tensor in module.state_dict().values()}
    assert not any(tensor.data_ptr() in pointers for tensor in averaged.state_dict().values())
