"""Networks of an image and a time: what goes in, and what comes out at the start and later."""

import pytest
import torch

from genlab.networks.time_condition import TimeCondition
from genlab.networks.timed_transformer import TimedTransformer
from genlab.networks.timed_unet import TimedUNet

SHAPE = (3, 4, 6)
NETWORKS = {
    "transformer": lambda **more: TimedTransformer(SHAPE, (2, 3), layers=2, width=8, heads=2, **more),
    "one pixel a patch": lambda **more: TimedTransformer(SHAPE, (1, 1), layers=1, width=8, heads=2, **more),
    "unet": lambda **more: TimedUNet(SHAPE, (4, 6), **more),
    "unet of one size": lambda **more: TimedUNet(SHAPE, (5,), **more),
}
every_network = pytest.mark.parametrize("name", NETWORKS)


def trained(name, **more):
    """As if: its weights are no longer those of the start."""
    torch.manual_seed(0)
    network = NETWORKS[name](**more).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


@pytest.fixture
def x():
    return torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def t():
    return torch.tensor([0.2, 0.7], dtype=torch.float64)


@every_network
def test_the_output_is_0_at_the_start(name, x, t):
    assert torch.equal(NETWORKS[name]().double()(x, t), torch.zeros_like(x))


@every_network
def test_each_image_has_its_own_time(name, x, t):
    network = trained(name)
    together = network(x, t)
    assert together.shape == x.shape
    for row in range(2):
        torch.testing.assert_close(network(x[row : row + 1], t[row : row + 1])[0], together[row])
    assert (network(x, t.flip(0)) - together).abs().flatten(1).max(1).values.min() > 1e-3


@every_network
def test_a_class_is_told_from_none_and_from_another(name, x, t):
    network = trained(name, classes=3)
    outputs = [network(x, t), *(network(x, t, torch.tensor([y, y])) for y in range(3))]
    for i in range(4):
        for j in range(i):
            assert (outputs[i] - outputs[j]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["transformer", "one pixel a patch"])
def test_every_pixel_sees_all_others(name, x, t):
    network = trained(name)
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, t[:1]), x[:1])
    assert (jacobian.view(72, 72).abs() > 0).all()


def test_what_goes_in_at_a_patch_is_half_a_patch_around_it(x):
    network = trained("transformer")
    jacobian = torch.autograd.functional.jacobian(network.embedding, x[:1])[0, :, 0, 1, 0]  # rows 0-1, columns 3-5
    seen = jacobian.abs().sum((0, 1)) > 0
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[0:3, 2:6] = True
    assert torch.equal(seen, expected)


def test_times_are_smooth_and_tell_a_hundredth_apart():
    torch.manual_seed(0)
    condition = TimeCondition(16).double()
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    angles = t.unsqueeze(1) * condition.frequencies
    features = torch.cat([angles.sin(), angles.cos()], dim=1)
    steps = (features[1:] - features[:-1]).norm(dim=1)
    # each pair of sine and cosine goes along a chord of a circle
    chords = 2 * (condition.frequencies * 0.01 / 2).sin()
    torch.testing.assert_close(steps, chords.norm().expand(100))
    assert condition.frequencies.max().item() == pytest.approx(100)
    assert condition(t).shape == (101, 16)


@pytest.mark.parametrize("channels", [(4, 4, 4), (4, 4, 4, 4)])
def test_sizes_that_cannot_be_halved_are_refused(channels):
    with pytest.raises(ValueError, match=rf"channels: images of 4x6 cannot be halved {len(channels) - 1} times"):
        TimedUNet(SHAPE, channels)


def test_patches_that_do_not_fill_the_image_are_refused():
    with pytest.raises(ValueError, match=r"patch_size: images of 4x6 are not made of patches of 3x2"):
        TimedTransformer(SHAPE, (3, 2), layers=1, width=8, heads=2)
