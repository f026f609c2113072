"""trainer.compile=true: the same numbers, the same files, and one line where it cannot be.

No GPU is needed: `RunAgain` stands for CUDA graphs.
"""

import copy
from pathlib import Path

import pytest
import torch
from conftest import stand_in_config
from pytorch_lightning import Callback, LightningModule
from test_resume import assert_same, checkpoint, timeless

from genlab.errors import ConfigError
from genlab.models.vae import VAE
from genlab.training import trainer as trainer_module
from genlab.training.captured import WARM_UP, CapturedSteps, check
from genlab.training.resume import resume
from genlab.training.train import train

SHORT = ["callbacks=search", "logger=none", "data.batch_size=100", "trainer.max_epochs=2"]
SHORT += ["callbacks.test_nll.images=4", "callbacks.test_nll.samples=3", "evaluate_every=0"]
SHORT += ["callbacks.checkpoints.monitor=null"]
MODELS = {
    "autoencoder": ["model=autoencoder", "model.hidden_dims=[16]", "callbacks.ex_post_samples.components=0"],
    "vae": ["model.hidden_dims=[16]", "model.kl_warmup_epochs=1"],
    "gan": ["model=gan", "model.discriminator_steps=2"],
    "gan averaged": ["model=gan", "model.penalty=r1", "model.ema_decay=0.9"],  # rises in every batch
    "made": ["model=autoregressive", "model.architecture=made", "model.hidden_dims=[16]", "model.orders=2"],
    "conditional": ["model.hidden_dims=[16]", "model.conditional=true", "model.label_dropout=0.2"],
    "few labels": ["model.hidden_dims=[16]", "model.labels=20", "model.kl_warmup_epochs=1"],
    "conditional gan": ["model=gan", "model.penalty=gradient_penalty", "model.conditional=true"],
    "clipped": ["model.hidden_dims=[16]", "+trainer.gradient_clip_val=0.1"],
}
CONSTANT = {"made": ["model.learning_rate_schedule=constant"]}


class RunAgain:
    """What was recorded runs again, on the tensors and with the numbers that it was recorded with."""

    def __init__(self):
        self.recorded = 0

    def run(self, step):
        return step()

    def record(self, step):
        self.recorded += 1
        result, new = step(), True
        model = step.func.__self__.lightning_module

        def replay():
            nonlocal new
            if not new:
                # a graph calls nothing that Lightning counts
                counts = model.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
                before = copy.deepcopy(counts.state_dict())
                result.copy_(step())
                counts.load_state_dict(before)
            new = False

        return result, replay


@pytest.fixture
def recorder(monkeypatch):
    there = RunAgain()
    monkeypatch.setattr(trainer_module, "capturing", lambda **_: CapturedSteps(torch.device("cpu"), there))
    return there


def trained(mnist_root, folder, *overrides):
    cfg = stand_in_config(mnist_root, folder, *SHORT, *overrides)
    metrics = train(cfg)
    return Path(cfg.run_dir), metrics


@pytest.mark.parametrize("name", MODELS)
def test_a_captured_run_is_the_run(name, mnist_root, tmp_path, recorder):
    settings = [*MODELS[name], *CONSTANT.get(name, [])]
    whole, metrics = trained(mnist_root, tmp_path / "whole", "data.on_device=false", *settings)
    captured, there = trained(
        mnist_root, tmp_path / "captured", "data.on_device=true", "trainer.compile=true", *settings
    )
    assert recorder.recorded > 0
    assert there == metrics
    assert_same(timeless(checkpoint(captured)), timeless(checkpoint(whole)))


@pytest.mark.parametrize(
    "settings",
    [
        ["model.hidden_dims=[16]", "model.learning_rate_schedule=cosine"],
        ["model=flow_matching", "model.channels=[4]", "model.autoguidance=0.5", "model.learning_rate=1e-3"],
    ],
)
def test_a_schedule_goes_on_in_a_captured_run(settings, mnist_root, tmp_path, recorder):
    whole, _ = trained(mnist_root, tmp_path / "whole", *settings)
    captured, _ = trained(mnist_root, tmp_path / "captured", "trainer.compile=true", *settings)
    here, there = checkpoint(captured), checkpoint(whole)
    assert recorder.recorded > 0
    assert_same(here["lr_schedulers"], there["lr_schedulers"])
    assert_same(here["optimizer_states"][0]["param_groups"], there["optimizer_states"][0]["param_groups"])
    # a rate that float32 rounds, by 2^-24 at most, moves no weight by more than that share of all its steps
    steps, rate = 12, 1e-3
    for key, weight in there["state_dict"].items():
        assert (here["state_dict"][key] - weight).abs().max() < 100 * steps * rate * 2**-24 + 1e-6


def test_a_captured_run_is_resumed_with_and_without(mnist_root, tmp_path, recorder):
    settings = ["model.hidden_dims=[16]", "model.kl_warmup_epochs=2", "trainer.compile=true"]
    whole, _ = trained(mnist_root, tmp_path / "whole", *settings)
    for name, change in (("with", "trainer.compile=true"), ("without", "trainer.compile=false")):
        run, _ = trained(mnist_root, tmp_path / name, *settings, "trainer.max_epochs=1")
        resume(str(run), ["trainer.max_epochs=2", change])
        assert_same(timeless(checkpoint(run)), timeless(checkpoint(whole)))


def test_one_record_serves_all_weights_of_the_kl(mnist_root, tmp_path, recorder):
    warming_up = ["data.batch_size=50", "model.kl_warmup_epochs=5"]  # 11 whole batches an epoch
    trained(mnist_root, tmp_path, "trainer.compile=true", "model.hidden_dims=[16]", *warming_up)
    assert recorder.recorded == 1


def test_nothing_is_recorded_while_a_constant_changes(mnist_root, tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(VAE, "step_constants", lambda model, batch_idx: (model.current_epoch, batch_idx))
    trained(mnist_root, tmp_path, "trainer.compile=true", "model.hidden_dims=[16]")
    assert WARM_UP > 0
    assert recorder.recorded == 0


def test_where_it_cannot_be_one_line_says_so(mnist_root, tmp_path):
    with pytest.raises(ConfigError, match="needs a GPU"):
        trained(mnist_root, tmp_path, "trainer.compile=true")
    assert not (tmp_path / "run").exists()


class Looks(Callback):
    def on_after_backward(self, trainer, pl_module):
        pass


def test_who_looks_at_gradients_is_refused():
    with pytest.raises(ConfigError, match="Looks has on_after_backward"):
        check(VAE(), [Looks()])


def test_a_model_that_does_not_know_its_constants_is_refused():
    with pytest.raises(ConfigError, match="has no step_constants"):
        check(LightningModule(), [])
