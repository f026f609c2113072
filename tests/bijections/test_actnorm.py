import pytest
import torch

from genlab.bijections import ActNorm


def batch(*shape: int) -> torch.Tensor:
    torch.manual_seed(0)
    offset = torch.arange(shape[1]).view(-1, *[1] * (len(shape) - 2))
    return (3 + offset) * torch.randn(*shape, dtype=torch.float64) + 10 * offset


@pytest.mark.parametrize("shape", [(64, 3), (8, 3, 5, 5)])
def test_first_batch_has_mean_0_and_variance_1_per_channel(shape: tuple[int, ...]) -> None:
    z, _ = ActNorm(3).double()(batch(*shape))
    channels = z.transpose(0, 1).flatten(1)
    # float64 rounding (1e-16) times mean²/variance of the input (up to 16)
    torch.testing.assert_close(channels.mean(1), torch.zeros(3).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(channels.var(1, unbiased=False), torch.ones(3).double(), rtol=0, atol=1e-12)


def test_second_batch_does_not_initialise_again() -> None:
    layer = ActNorm(3).double()
    layer(batch(8, 3))
    before = layer.log_scale.clone()
    layer(100 * batch(8, 3))
    assert torch.equal(layer.log_scale, before)


def test_evaluation_does_not_initialise() -> None:
    layer = ActNorm(3).double().eval()
    x = batch(8, 3)
    assert torch.equal(layer(x)[0], x)
    assert not layer.initialised


def test_restored_layer_does_not_initialise_again() -> None:
    layer, restored = ActNorm(3).double(), ActNorm(3).double()
    layer(batch(8, 3))
    restored.load_state_dict(layer.state_dict())
    x = 100 * batch(8, 3)
    assert torch.equal(restored(x)[0], layer(x)[0])


def test_restoring_an_untrained_state_initialises_again() -> None:
    layer = ActNorm(3).double()
    layer(batch(8, 3))
    layer.load_state_dict(ActNorm(3).double().state_dict())
    z, _ = layer(batch(8, 3))
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), rtol=0, atol=1e-12)


def test_constant_channel_raises() -> None:
    with pytest.raises(ValueError, match="constant"):
        ActNorm(2)(torch.tensor([[1.0, 2.0], [3.0, 2.0]]))
