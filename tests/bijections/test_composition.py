import math

import pytest
import torch
from torch import Tensor

from genlab.bijections import ActNorm, Bijection, Composition, Flatten, MultiScale, Squeeze, multiscale_glow


class FirstHalf(Bijection):
    """Not square: it forgets half of the channels."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, : x.shape[1] // 2], x.new_zeros(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return z[:, : z.shape[1] // 2]


class OneLadjForAll(Bijection):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x.new_zeros(())

    def inverse(self, z: Tensor) -> Tensor:
        return z


def test_ladj_adds_up_and_layers_apply_in_order() -> None:
    double, add = ActNorm(2).eval(), ActNorm(2).eval()
    with torch.no_grad():
        double.log_scale += math.log(2)
        add.shift += 1
    z, ladj = Composition([double, add])(torch.ones(3, 2))
    torch.testing.assert_close(z, torch.full((3, 2), 3.0))  # 2·1 + 1, not 2·(1 + 1)
    torch.testing.assert_close(ladj, torch.full((3,), 2 * math.log(2)))


def test_forward_that_is_not_square_raises() -> None:
    with pytest.raises(ValueError, match=r"layer 1 \(FirstHalf\).*square Jacobian"):
        Composition([Squeeze(), FirstHalf()])(torch.rand(2, 1, 4, 4))


def test_inverse_that_is_not_square_raises() -> None:
    with pytest.raises(ValueError, match=r"layer 1 \(FirstHalf\).*square Jacobian"):
        Composition([Squeeze(), FirstHalf()]).inverse(torch.rand(2, 4, 2, 2))


def test_ladj_that_is_not_one_number_per_example_raises() -> None:
    with pytest.raises(ValueError, match=r"layer 0 \(OneLadjForAll\).*one number per example"):
        Composition([OneLadjForAll()])(torch.rand(2, 3))


def test_scale_that_changes_the_shape_raises() -> None:
    with pytest.raises(ValueError, match=r"scale 0 .* must keep the shape"):
        MultiScale((1, 4, 4), [Flatten((4, 2, 2))])(torch.rand(2, 1, 4, 4))


def test_image_that_cannot_be_halved_often_enough_raises() -> None:
    with pytest.raises(ValueError, match="divisible by 8"):
        multiscale_glow((1, 28, 28), scales=3, channels=[8, 8, 8])


def test_a_width_missing_for_a_scale_raises() -> None:
    with pytest.raises(ValueError, match="2 scales"):
        multiscale_glow((1, 28, 28), scales=2, channels=[8])


def test_half_precision_ladj_is_summed_in_float32() -> None:
    layer = ActNorm(1).eval()
    with torch.no_grad():
        layer.log_scale += 1.0
    _, ladj = Composition([layer.to(torch.bfloat16)] * 257)(torch.zeros(1, 1, dtype=torch.bfloat16))
    assert ladj.tolist() == [257.0]  # bfloat16 stops counting at 256


class TestFirstNonFinite:
    def flow(self) -> Composition:
        return multiscale_glow((1, 4, 4), scales=2, steps=2, channels=[4, 4]).eval()

    def test_nothing_to_report(self) -> None:
        assert self.flow().first_non_finite(torch.rand(2, 1, 4, 4)) is None

    def test_input(self) -> None:
        assert self.flow().first_non_finite(torch.full((2, 1, 4, 4), math.nan)) == "the input"

    def test_logit_of_one_and_a_half(self) -> None:
        assert self.flow().first_non_finite(torch.full((2, 1, 4, 4), 1.5)) == "layer 0 (Logit)"

    def test_parameter_deep_inside(self) -> None:
        flow = self.flow()
        with torch.no_grad():
            flow[1].scales[1][5].bound.fill_(math.inf)
        where = "layer 1 (MultiScale), scale 1, layer 5 (ChannelCoupling)"
        assert flow.first_non_finite(torch.rand(2, 1, 4, 4)) == where

    def test_log_determinant_alone(self) -> None:
        class NoDensity(OneLadjForAll):
            def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
                return x, x.new_full((len(x),), -math.inf)

        assert Composition([Squeeze(), NoDensity()]).first_non_finite(torch.rand(1, 1, 2, 2)) == "layer 1 (NoDensity)"
