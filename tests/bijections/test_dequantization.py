import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from genlab.bijections import Dequantization, Logit, UniformNoise, VariationalNoise, bits_per_dim

LEVELS = torch.arange(256)
# The ends of what torch.rand can return in float32, and the places between where rounding could matter.
UNIFORMS = [0.0, 2**-24, 1e-6, 1e-4, 0.5, 1 - 1e-4, 1 - 1e-6, 1 - 2**-24]


def images_of_every_level() -> Tensor:
    return (LEVELS.float() / 255).view(-1, 1, 1, 1)


@pytest.mark.parametrize("uniform", UNIFORMS)
def test_dequantized_image_maps_back_to_itself(uniform: float) -> None:
    dequantization, images = Dequantization(UniformNoise()), images_of_every_level()
    x, _ = dequantization(images, torch.full_like(images, uniform))
    assert torch.equal(dequantization.inverse(x), images)


@pytest.mark.parametrize("bound", [0.0, 1e-6, 0.005, 0.05])
@pytest.mark.parametrize("uniform", UNIFORMS)
def test_dequantized_image_maps_back_to_itself_after_a_logit_in_float32(uniform: float, bound: float) -> None:
    dequantization, logit, images = Dequantization(UniformNoise()), Logit(bound), images_of_every_level()
    x, _ = dequantization(images, torch.full_like(images, uniform))
    assert torch.equal(dequantization.inverse(logit.inverse(logit(x)[0])), images)


def test_uniform_dequantization_fills_the_cells_evenly() -> None:
    images = images_of_every_level()
    x, _ = Dequantization(UniformNoise())(images, torch.full_like(images, 0.25))
    torch.testing.assert_close(x.flatten(), (LEVELS + 0.25) / 256, rtol=0, atol=0)


def test_points_outside_the_unit_interval_map_to_black_and_white() -> None:
    images = Dequantization(UniformNoise()).inverse(torch.tensor([-0.01, 1.0, 1.01]))
    assert images.tolist() == [0, 1, 1]


def test_uniform_model_has_exactly_8_bits_per_dim() -> None:
    images = torch.rand(5, 1, 28, 28)
    _, ladj = Dequantization(UniformNoise())(images, torch.rand_like(images))
    log_p = 0.0  # the uniform density on [0, 1]^784
    # a sum of 784 logs of 256 in float32: two roundings of 6e-8
    torch.testing.assert_close(bits_per_dim(log_p + ladj, 784), torch.full((5,), 8.0), rtol=2e-7, atol=0)


def test_logistic_density_behind_an_unbounded_logit_is_the_uniform_model() -> None:
    images = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    x, ladj = Dequantization(UniformNoise())(images, torch.rand_like(images))
    z, logit_ladj = Logit(0.0)(x)
    log_logistic = (-z - 2 * torch.log1p(torch.exp(-z))).flatten(1).sum(1)
    bits = bits_per_dim(log_logistic + logit_ladj + ladj, 64)
    torch.testing.assert_close(bits, torch.full((5,), 8.0).double(), rtol=1e-12, atol=0)


def test_bits_per_dim_of_a_known_density() -> None:
    # p(x) = 2x gives P(k) = ((k + 1)² − k²)/256². It is linear, so the mean over midpoints u_j is its integral.
    images = images_of_every_level().double()
    draws = []
    for u in (torch.arange(8) + 0.5) / 8:
        x, ladj = Dequantization(UniformNoise())(images, torch.full_like(images, u))
        draws.append((2 * x).log().flatten() + ladj)
    log_p = torch.stack(draws).logsumexp(0) - math.log(8)
    expected = 16 - torch.log2(2 * LEVELS.double() + 1)
    torch.testing.assert_close(bits_per_dim(log_p, 1), expected, rtol=0, atol=1e-12)


def test_dense_noise_counts_against_the_likelihood() -> None:
    class KnownNoise(nn.Module):
        def forward(self, levels: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
            return uniform, levels.new_full((len(levels),), 1.5)

    images = torch.rand(2, 1, 3, 3)
    _, ladj = Dequantization(KnownNoise())(images, torch.rand_like(images))
    torch.testing.assert_close(ladj, torch.full((2,), -9 * math.log(256) - 1.5))


def variational_noise(perturbation: float) -> VariationalNoise:
    torch.manual_seed(0)
    noise = VariationalNoise((1, 4, 4), couplings=3, channels=8).double()
    with torch.no_grad():
        for parameter in noise.parameters():
            parameter += perturbation * torch.randn_like(parameter)
    return noise


def levels_and_uniform() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    uniform = 0.01 + 0.98 * torch.rand(3, 1, 4, 4, dtype=torch.float64)
    return torch.randint(0, 256, uniform.shape).double(), uniform


def test_variational_noise_starts_uniform() -> None:
    levels, uniform = levels_and_uniform()
    u, log_q = variational_noise(0.0)(levels, uniform)
    torch.testing.assert_close(u, uniform, rtol=0, atol=1e-14)
    torch.testing.assert_close(log_q, torch.zeros(3).double(), rtol=0, atol=1e-12)


def test_variational_log_q_is_minus_the_log_determinant_from_uniform_noise() -> None:
    noise = variational_noise(0.2)
    levels, uniform = levels_and_uniform()
    _, log_q = noise(levels, uniform)
    for k, start, its_log_q in zip(levels, uniform, log_q, strict=True):
        matrix = jacobian(lambda flat, k=k: noise(k[None], flat.view(1, 1, 4, 4))[0].flatten(), start.flatten())
        torch.testing.assert_close(-torch.linalg.slogdet(matrix).logabsdet, its_log_q, rtol=0, atol=1e-10)


def test_variational_noise_stays_in_the_unit_interval_and_depends_on_the_image() -> None:
    noise = variational_noise(0.2)
    levels, uniform = levels_and_uniform()
    u, _ = noise(levels, uniform)
    other, _ = noise(255 - levels, uniform)
    assert u.min() >= 0 and u.max() <= 1
    assert (u - other).abs().min() > 0


def test_variational_noise_gives_every_parameter_a_gradient() -> None:
    noise = variational_noise(0.2)
    u, log_q = noise(*levels_and_uniform())
    (u.square().sum() + log_q.sum()).backward()
    assert [name for name, p in noise.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_variational_noise_saturated_in_float32_maps_back_to_the_same_image() -> None:
    noise = VariationalNoise((1, 4, 4), couplings=2, channels=4)
    with torch.no_grad():
        for parameter in noise.parameters():
            parameter += 3 * torch.randn_like(parameter)
    dequantization, logit = Dequantization(noise), Logit(0.0)
    images = torch.randint(0, 256, (16, 1, 4, 4)).float() / 255
    x, _ = dequantization(images, torch.rand_like(images))
    assert torch.equal(dequantization.inverse(logit.inverse(logit(x)[0])), images)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_variational_dequantization_survives_the_ends_of_the_noise(uniform: float) -> None:
    images = torch.rand(2, 1, 4, 4)
    x, ladj = Dequantization(VariationalNoise((1, 4, 4)))(images, torch.full_like(images, uniform))
    assert x.isfinite().all() and ladj.isfinite().all()


def test_variational_noise_of_an_odd_image_raises() -> None:
    with pytest.raises(ValueError, match="even"):
        VariationalNoise((1, 5, 4))


def test_logit_with_a_bound_of_one_half_raises() -> None:
    with pytest.raises(ValueError, match="bound"):
        Logit(0.5)
