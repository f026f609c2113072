import pytest
import torch
from torch import Tensor, nn

from genlab.bijections import AffineCoupling, ChannelCoupling, MaskedCoupling, checkerboard
from genlab.networks.coupling_nets import ConvolutionalCouplingNet, coupling_mlp


def couplings() -> dict[str, tuple[AffineCoupling, Tensor]]:
    """Each with the mask of what it keeps of (4, 4, 4)."""
    first = torch.zeros(4, 4, 4, dtype=torch.bool)
    first[:2] = True
    board = checkerboard((4, 4, 4))
    return {
        "first_channels": (ChannelCoupling(ConvolutionalCouplingNet(2, 4, 8), 4), first),
        "second_channels": (ChannelCoupling(ConvolutionalCouplingNet(2, 4, 8), 4, keep_first=False), ~first),
        "checkerboard": (MaskedCoupling(coupling_mlp(32, [16], 64), board), board),
    }


def perturbed(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return module


@pytest.mark.parametrize("name", couplings())
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_kept_half_is_bitwise_unchanged_and_the_other_is_not(name: str, direction: str) -> None:
    torch.manual_seed(0)
    coupling, mask = couplings()[name]
    perturbed(coupling)
    x = torch.randn(5, 4, 4, 4)
    x[0] = -0.0  # a zero times a mask plus zero loses its sign
    z = coupling(x)[0] if direction == "forward" else coupling.inverse(x)
    unchanged = z.view(torch.int32) == x.view(torch.int32)
    assert torch.equal(unchanged.all(0), mask)


def test_the_formula_of_dinh_et_al() -> None:
    torch.manual_seed(0)
    mask = checkerboard((1, 2, 2))
    net = perturbed(coupling_mlp(2, [8], 4))
    coupling = perturbed(MaskedCoupling(net, mask))
    x = torch.randn(1, 1, 2, 2)
    raw, shift = net(x[:, mask]).chunk(2, dim=1)
    scale = torch.zeros_like(x)
    scale[:, ~mask] = (coupling.bound * torch.tanh(raw)).exp()
    moved = torch.zeros_like(x)
    moved[:, ~mask] = shift
    torch.testing.assert_close(coupling(x)[0], x * mask + ~mask * (x * scale + moved))


def test_log_scale_is_bounded_by_the_learned_bound() -> None:
    net = coupling_mlp(2, [4], 4)
    nn.init.constant_(net[-1].bias, 1e4)
    coupling = MaskedCoupling(net, checkerboard((2, 2)))
    with torch.no_grad():
        coupling.bound.copy_(torch.tensor([0.5, 2.0]))
    log_scale, _ = coupling.condition(torch.randn(3, 2), context=None)
    torch.testing.assert_close(log_scale, torch.tensor([0.5, 2.0]).expand(3, 2))


@pytest.mark.parametrize("name", couplings())
def test_a_new_coupling_is_the_identity(name: str) -> None:
    coupling, _ = couplings()[name]
    x = torch.randn(5, 4, 4, 4)
    z, ladj = coupling(x)
    assert torch.equal(z, x) and torch.equal(ladj, torch.zeros(5))


def test_checkerboard_begins_with_a_kept_corner_and_alternates() -> None:
    assert checkerboard((1, 2, 3)).tolist() == [[[True, False, True], [False, True, False]]]
