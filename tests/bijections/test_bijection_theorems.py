"""What every bijection must satisfy, on random parameters that are not those of its start. A new one joins CASES."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from genlab.bijections import (
    ActNorm,
    Bijection,
    ChannelCoupling,
    Composition,
    Flatten,
    Identity,
    InvertibleConvolution,
    Logit,
    MaskedCoupling,
    MultiScale,
    Squeeze,
    checkerboard,
    course_realnvp,
    multiscale_glow,
)
from genlab.networks.coupling_nets import ConvolutionalCouplingNet, coupling_mlp

IMAGE = (1, 4, 4)
SQUEEZED = (4, 2, 2)
BATCH = 3


def channel_coupling(keep_first: bool) -> Bijection:
    return ChannelCoupling(ConvolutionalCouplingNet(2, 4, channels=8), channels=4, keep_first=keep_first)


def masked_coupling(mask: Tensor) -> Bijection:
    return MaskedCoupling(coupling_mlp(int(mask.sum()), [16], 2 * int((~mask).sum())), mask)


def two_scales() -> Bijection:
    return MultiScale(
        (1, 4, 4),
        [channel_coupling(True), ChannelCoupling(ConvolutionalCouplingNet(4, 8, channels=8), channels=8)],
    )


# name: (constructor, shape of one example, whether x lives in (0, 1))
CASES: dict[str, tuple[Callable[[], Bijection], tuple[int, ...], bool]] = {
    "actnorm_image": (lambda: ActNorm(4), SQUEEZED, False),
    "actnorm_vector": (lambda: ActNorm(6), (6,), False),
    "channel_coupling_keep_first": (lambda: channel_coupling(True), SQUEEZED, False),
    "channel_coupling_keep_second": (lambda: channel_coupling(False), SQUEEZED, False),
    "channel_coupling_odd": (
        lambda: ChannelCoupling(ConvolutionalCouplingNet(1, 4, channels=8), channels=3),
        (3, 2, 2),
        False,
    ),
    "composition": (lambda: Composition([Squeeze(), ActNorm(4), channel_coupling(True)]), IMAGE, False),
    "flatten": (lambda: Flatten(IMAGE), IMAGE, False),
    "identity": (Identity, IMAGE, False),
    "invertible_convolution": (lambda: InvertibleConvolution(4), SQUEEZED, False),
    "logit": (lambda: Logit(0.05), IMAGE, True),
    "logit_unbounded": (lambda: Logit(0.0), IMAGE, True),
    "masked_coupling_image": (lambda: masked_coupling(checkerboard(IMAGE)), IMAGE, False),
    "masked_coupling_vector": (lambda: masked_coupling(~checkerboard((3, 3)).flatten()), (9,), False),
    "multiscale": (two_scales, IMAGE, False),
    "squeeze": (Squeeze, IMAGE, False),
    "course_realnvp": (lambda: course_realnvp(IMAGE, couplings=3, hidden_dims=[16]), IMAGE, True),
    "multiscale_glow": (lambda: multiscale_glow(IMAGE, scales=2, steps=2, channels=[8, 8]), IMAGE, True),
}


def made(name: str) -> tuple[Bijection, Tensor]:
    """The bijection of a case, with random parameters, and a batch of its x."""
    constructor, shape, unit_interval = CASES[name]
    torch.manual_seed(0)
    bijection = constructor().double().eval()
    with torch.no_grad():
        for parameter in bijection.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    x = torch.rand(BATCH, *shape, dtype=torch.float64)
    return bijection, 0.01 + 0.98 * x if unit_interval else 4 * x - 2


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> tuple[Bijection, Tensor]:
    return made(request.param)


# The errors below are float64 roundings, 1.1e-16 of values up to about 10, summed over at most 16 elements and 14
# layers, and amplified by inverse scales of at most about e^5 (times 400 at the edge of the logit): below 1e-10. A
# wrong sign or a dropped factor costs 1e-2 or more.
TOLERANCE = 1e-9


def test_inverse_undoes_forward(case: tuple[Bijection, Tensor]) -> None:
    bijection, x = case
    z, _ = bijection(x)
    torch.testing.assert_close(bijection.inverse(z), x, rtol=0, atol=TOLERANCE)


def test_forward_undoes_inverse(case: tuple[Bijection, Tensor]) -> None:
    bijection, x = case
    z = torch.randn_like(bijection(x)[0])
    torch.testing.assert_close(bijection(bijection.inverse(z))[0], z, rtol=0, atol=TOLERANCE)


def test_ladj_is_the_log_determinant_of_autograds_jacobian(case: tuple[Bijection, Tensor]) -> None:
    bijection, x = case
    _, ladj = bijection(x)
    for one, its_ladj in zip(x, ladj, strict=True):
        matrix = jacobian(lambda flat, one=one: bijection(flat.view(1, *one.shape))[0].flatten(), one.flatten())
        torch.testing.assert_close(torch.linalg.slogdet(matrix).logabsdet, its_ladj, rtol=0, atol=TOLERANCE)


def test_ladj_is_one_number_per_example(case: tuple[Bijection, Tensor]) -> None:
    bijection, x = case
    assert bijection(x)[1].shape == (BATCH,)


WITHOUT_PARAMETERS = {"flatten", "identity", "logit", "logit_unbounded", "squeeze"}  # what they compute is stated below


@pytest.mark.parametrize("name", sorted(CASES.keys() - WITHOUT_PARAMETERS))
def test_every_parameter_receives_a_gradient(name: str) -> None:
    bijection, x = made(name)
    z, ladj = bijection(x)
    parameters = dict(bijection.named_parameters())
    assert parameters
    gradients = torch.autograd.grad((z**3).sum() + ladj.sum(), list(parameters.values()), allow_unused=True)
    without = [name for name, g in zip(parameters, gradients, strict=True) if g is None or not g.abs().sum() > 0]
    assert without == []


def test_flatten_keeps_the_order_of_rows() -> None:
    x = torch.randn(BATCH, 2, 3, 5)
    z, _ = Flatten((2, 3, 5))(x)
    assert all(
        torch.equal(z[:, 15 * c + 5 * i + j], x[:, c, i, j]) for c in range(2) for i in range(3) for j in range(5)
    )


def test_squeeze_makes_the_corners_of_a_block_channels() -> None:
    """z[4c + 2a + b, i, j] = x[c, 2i + a, 2j + b]: what is near stays near, whatever the channel."""
    x = torch.randn(BATCH, 3, 4, 6)
    z, _ = Squeeze()(x)
    for c, a, b in itertools.product(range(3), range(2), range(2)):
        assert torch.equal(z[:, 4 * c + 2 * a + b], x[:, c, a::2, b::2])


def test_logit_is_the_log_odds_of_the_squeezed_interval() -> None:
    """With bound 1/4: 0 → log 1/3, 1/2 → 0, 1 → log 3, and log |dz/dx| = log (1 − 2/4) / (p (1 − p))."""
    z, ladj = Logit(0.25)(torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64))
    torch.testing.assert_close(z.flatten(), torch.tensor([-math.log(3), 0, math.log(3)], dtype=torch.float64))
    torch.testing.assert_close(ladj, torch.tensor([8 / 3, 2, 8 / 3]).double().log())


def test_unbounded_logit_turns_uniform_noise_into_logistic() -> None:
    """The distribution function of z, 1 / (1 + exp(−z)), is x; its density is exp(−ladj), also far in the tails."""
    x = torch.tensor([[1e-12], [1e-3], [0.3], [0.8], [1 - 1e-9]], dtype=torch.float64)
    z, ladj = Logit(0.0)(x)
    logistic = torch.exp(-z) / (1 + torch.exp(-z)) ** 2
    torch.testing.assert_close(1 / (1 + torch.exp(-z)), x, rtol=1e-12, atol=0)
    # the density's own formula cancels at the upper end: 1e-16 of 1, divided by 1e-9
    torch.testing.assert_close((-ladj).exp(), logistic.squeeze(1), rtol=1e-6, atol=0)


def test_invertible_convolution_starts_as_a_rotation() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 8, 3, 3)
    z, ladj = InvertibleConvolution(8)(x)
    # float32 rounding, 6e-8 of sums of 8 terms and of 8 logs
    torch.testing.assert_close(z.square().sum(1), x.square().sum(1), rtol=1e-5, atol=0)
    torch.testing.assert_close(ladj, torch.zeros(2), rtol=0, atol=1e-5)


def test_composed_flow_integrates_to_one_on_the_plane() -> None:
    torch.manual_seed(1)
    layers: list[Bijection] = []
    for _ in range(3):
        net = ConvolutionalCouplingNet(1, 2, channels=8)
        layers += [ActNorm(2), InvertibleConvolution(2), ChannelCoupling(net, channels=2)]
    flow = Composition(layers).double().eval()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        spacing, reach = 0.05, 12.0
        axis = torch.arange(-reach, reach, spacing, dtype=torch.float64)
        x = torch.cartesian_prod(axis, axis).view(-1, 2, 1, 1)
        z, ladj = flow(x)
    log_p = -0.5 * z.flatten(1).square().sum(1) - math.log(2 * math.pi) + ladj
    # A Riemann sum of a continuous density with kinks (ReLU) is off by the order of spacing² = 2.5e-3 times the jumps
    # of the gradient; the tails are below 1e-6. A dropped log-determinant is off by 10% and more.
    assert math.isclose(log_p.exp().sum().item() * spacing**2, 1, abs_tol=2e-3)
