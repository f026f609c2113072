"""Collapses are noticed and told once; healthy runs are left in peace."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from pytorch_lightning import LightningModule
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from genlab.callbacks.collapse import Collapse, mean_distance
from genlab.training.train import train


class Sampler(LightningModule):
    """Samples that are a grey image plus `spread` times noise."""

    def __init__(self, spread):
        super().__init__()
        self.spread = nn.Parameter(torch.tensor(spread))

    def sample(self, n, generator=None):
        return 0.5 + self.spread * torch.randn(n, 1, 28, 28, generator=generator)


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.WARNING, "genlab.callbacks.collapse")
    return caplog


def play(callback, trainer, games, model=None):
    """One batch for each (accuracy, gradient norm)."""
    for accuracy, norm in games:
        outputs = {"discriminator_accuracy": torch.tensor(accuracy), "generator_gradient_norm": torch.tensor(norm)}
        callback.on_train_batch_end(trainer, model, outputs, None, 0)


def test_a_discriminator_that_is_never_wrong_and_a_gradient_that_vanishes_are_told(trainer, told):
    play(Collapse(window=4), trainer, [(0.8, 2.0)] * 4 + [(1.0, 1e-3)] * 3)
    assert told.messages == []  # the window is not full
    play(callback := Collapse(window=4), trainer, [(0.8, 2.0)] * 4 + [(1.0, 1e-3)] * 4)
    assert len(told.messages) == 1
    assert "right about 100.0% of the images" in told.messages[0]
    assert "norm 1.0e-03, it was 2.0e+00" in told.messages[0]
    play(callback, trainer, [(1.0, 1e-6)] * 8)
    assert len(told.messages) == 1


@pytest.mark.parametrize(
    "later",
    [
        (0.99, 1e-3),  # a discriminator that errs
        (1.0, 0.1),  # a generator that is still taught, as by a loss that does not saturate
        (0.5, 0.0),
    ],
)
def test_one_sign_alone_is_not(trainer, told, later):
    play(Collapse(window=4), trainer, [(0.8, 2.0)] * 4 + [later] * 8)
    assert told.messages == []


def test_one_good_batch_keeps_a_window_in_peace(trainer, told):
    play(Collapse(window=4), trainer, [(0.8, 2.0)] * 4 + [(1.0, 1e-3), (1.0, 1e-3), (0.9, 1e-3), (1.0, 1e-3)] * 3)
    assert told.messages == []


def test_a_gradient_that_is_small_from_the_start_has_not_vanished(trainer, told):
    play(Collapse(window=4), trainer, [(1.0, 1e-6)] * 12)
    assert told.messages == []


def test_models_without_a_game_are_left_alone(trainer, told):
    callback = Collapse(window=1)
    callback.on_train_batch_end(trainer, None, {"elbo": torch.tensor(-100.0)}, None, 0)
    callback.on_train_epoch_end(trainer, LightningModule())
    assert told.messages == []


@pytest.fixture
def after_many_batches(trainer):
    trainer.fit_loop.epoch_loop.batch_progress.total.ready = 1000
    return trainer


def test_the_mean_distance_is_over_all_pairs():
    """Of (0, 0), (3, 4) and (0, 8): 5, 8 and 5."""
    assert mean_distance(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]]).view(3, 1, 1, 2)) == pytest.approx(6)


@pytest.mark.parametrize(("spread", "collapsed"), [(0.0, True), (0.01, True), (0.5, False), (float("nan"), True)])
def test_samples_that_hardly_differ_are_told_once(after_many_batches, told, spread, collapsed):
    """Noise of spread s has a mean distance of about s √(2 · 784), the stand-in images one of about 8."""
    callback, model = Collapse(), Sampler(spread)
    callback.on_train_epoch_end(after_many_batches, model)
    callback.on_train_epoch_end(after_many_batches, model)
    assert len(told.messages) == collapsed
    assert all("the samples hardly differ from one another" in message for message in told.messages)


def test_the_fraction_is_of_the_distance_between_real_images(after_many_batches, told):
    images = after_many_batches.datamodule.val_set.images[:64] / 255
    boundary = mean_distance(images) / mean_distance(Sampler(1.0).sample(64, torch.Generator().manual_seed(0)))
    for factor in (0.49, 0.51):
        Collapse(distance_fraction=0.5).on_train_epoch_end(after_many_batches, Sampler(factor * boundary))
    assert len(told.messages) == 1


@pytest.mark.parametrize("batches", [0, 100, 999])
def test_a_model_that_has_not_had_time_is_not_judged(trainer, told, batches):
    """After an epoch of 100 batches a healthy VAE still samples the mean image."""
    trainer.fit_loop.epoch_loop.batch_progress.total.ready = batches
    Collapse().on_train_epoch_end(trainer, Sampler(0.0))
    assert told.messages == []


class Restless(Sampler):
    """Takes noise that no generator fixes, and notes its mode and whether there are gradients."""

    def sample(self, n, generator=None):
        torch.rand(1)
        self.seen = self.training, torch.is_grad_enabled()
        return super().sample(n, generator)


def test_looking_disturbs_nothing(after_many_batches):
    model, state = Restless(1.0), torch.get_rng_state()
    Collapse().on_train_epoch_end(after_many_batches, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and model.seen == (False, False)


def test_a_resumed_run_knows_how_large_the_gradient_was(trainer, told):
    before, after = Collapse(window=4), Collapse(window=4)
    play(before, trainer, [(0.8, 2.0)] * 4)
    after.load_state_dict(before.state_dict())
    play(after, trainer, [(1.0, 1e-3)] * 4)
    assert len(told.messages) == 1


def test_other_processes_are_silent(told):
    play(Collapse(window=1), SimpleNamespace(is_global_zero=False), [(0.8, 2.0), (1.0, 0.0)])
    assert told.messages == []


@pytest.mark.parametrize("wrong", [{"window": 0}, {"accuracy": 1.5}, {"gradient_fraction": 0.0}, {"n": 1}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValidationError):
        Collapse(**wrong)


LOST = [
    "model=gan",
    "evaluate_every=0",
    "callbacks.checkpoints.monitor=null",
    "model.objective=saturating",
    "model.discriminator_steps=5",
    "trainer.max_epochs=6",
]
LOST += ["model.generator_learning_rate=1e-9", "data.batch_size=50", "callbacks.collapse.window=10"]


def test_a_lost_game_is_in_the_summary_and_in_tensorboards_text(compose_config, tmp_path):
    train(compose_config(*LOST))
    (warning,) = json.loads((tmp_path / "run" / "summary.json").read_text())["warnings"]
    assert "the generator's gradient has vanished" in warning
    accumulator = EventAccumulator(str(tmp_path / "run"))
    accumulator.Reload()
    (event,) = accumulator.Tensors("collapse/text_summary")
    assert event.tensor_proto.string_val[0].decode() == warning
    assert f"batch {event.step}:" in warning


def test_a_game_that_goes_on_has_no_warning(compose_config, tmp_path):
    """After 33 batches the samples still are alike, which Collapse would judge had they had time."""
    settings = ["callbacks.collapse.window=10"]
    settings += ["evaluate_every=0", "callbacks.checkpoints.monitor=null"]
    train(compose_config("model=gan", "data.batch_size=50", "trainer.max_epochs=3", *settings))
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["warnings"] == []
