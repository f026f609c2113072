"""The learning rate falls along a cosine, and a VAE trains with it."""

import math
from types import SimpleNamespace

import pytest
import torch

from genlab.errors import ConfigError
from genlab.models.cosine_schedule import cosine_schedule
from genlab.models.vae import VAE


def rates(steps, warmup_steps, highest=0.3):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=highest)
    trainer = SimpleNamespace(max_epochs=2, max_steps=-1, estimated_stepping_batches=steps)
    schedule = cosine_schedule(optimizer, trainer, warmup_steps)["lr_scheduler"]["scheduler"]
    found = []
    for _ in range(steps + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_falls_from_the_highest_rate_to_zero():
    found = rates(steps=12, warmup_steps=0)
    assert found[0] == 0.3
    assert found[4] == pytest.approx(0.3 * 0.5 * (1 + math.cos(math.pi / 3)))  # three quarters
    assert found[6] == pytest.approx(0.15)
    assert found[12] == pytest.approx(0, abs=1e-12)


def test_rises_linearly_before():
    found, without = rates(steps=100, warmup_steps=3), rates(steps=100, warmup_steps=0)
    assert [rate / plain for rate, plain in zip(found[:5], without[:5], strict=True)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1]
    )


def test_another_end_of_the_run_is_told(monkeypatch):
    """10 steps of 10, then 5 of 20 more: three quarters of the way, where the factor is 0.5 (1 − √½)."""
    messages = []
    monkeypatch.setattr("genlab.models.cosine_schedule.log.warning", messages.append)
    weights = [torch.nn.Parameter(torch.zeros(1))]
    schedules = [
        cosine_schedule(
            torch.optim.SGD(weights, lr=1.0),
            SimpleNamespace(max_epochs=2, max_steps=-1, estimated_stepping_batches=steps, is_global_zero=True),
        )["lr_scheduler"]["scheduler"]
        for steps in (10, 20)
    ]
    for _ in range(10):
        schedules[0].step()
    assert messages == []
    schedules[1].load_state_dict(schedules[0].state_dict())
    for _ in range(5):
        schedules[1].step()
    assert schedules[1].get_last_lr() == [pytest.approx(0.5 * (1 - math.sqrt(0.5)))]
    (message,) = messages
    assert message.startswith(
        "the learning rate was to reach zero after 10 steps, and now after 20: it goes on with 42%"
    )


def test_a_run_without_an_end_is_refused():
    trainer = SimpleNamespace(max_epochs=-1, max_steps=-1)
    with pytest.raises(ConfigError, match=r"trainer\.max_epochs"):
        cosine_schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]), trainer)


@pytest.mark.parametrize("name, layer", [("relu", torch.nn.ReLU), ("tanh", torch.nn.Tanh), ("gelu", torch.nn.GELU)])
def test_the_vae_has_the_activation_after_each_hidden_layer(name, layer):
    model = VAE(hidden_dims=[7, 5], activation=name)
    for network in (model.encoder, model.decoder):
        assert sum(isinstance(module, layer) for module in network.modules()) == 2
