"""Every callback that Lightning exports runs beside genlab's, as it does in a trainer of Lightning's own."""

import json
from pathlib import Path

import pytest
import torch
from pytorch_lightning import callbacks as lightning

from genlab.callbacks.bundle import Bundle
from genlab.errors import ConfigError
from genlab.training.resume import resume
from genlab.training.train import build, train

QUICK = ["callbacks=search", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "model.hidden_dims=[8]"]
QUICK += ["data.batch_size=100", "trainer.max_epochs=2", "++trainer.limit_train_batches=2"]

SETTINGS = {
    "BatchSizeFinder": None,  # changes data.batch_size, which is the run's own
    "BaseFinetuning": None,
    "BackboneFinetuning": None,  # of a model with a backbone
    "BasePredictionWriter": None,
    "Callback": {},
    "Checkpoint": {},
    "DeviceStatsMonitor": {"cpu_stats": False},
    "EarlyStopping": {"monitor": "val/elbo", "mode": "max"},
    "EMAWeightAveraging": {},
    "GradientAccumulationScheduler": {"scheduling": None},  # its keys are numbers, which no override can be
    "LambdaCallback": {},
    "LearningRateFinder": {"num_training_steps": 4},
    "LearningRateMonitor": {"logging_interval": "epoch"},
    "ModelCheckpoint": {"monitor": "val/elbo", "mode": "max", "save_top_k": 1},
    "ModelPruning": {"pruning_fn": "l1_unstructured", "amount": 0.1},
    "ModelSummary": {},
    "OnExceptionCheckpoint": {"dirpath": "broken"},
    "ProgressBar": {},
    "RichModelSummary": {},
    "RichProgressBar": {},
    "SpikeDetection": {"exclude_batches_path": "skipped.json"},
    "StochasticWeightAveraging": {"swa_lrs": 0.01},
    "ThroughputMonitor": None,  # wants a function
    "Timer": {},
    "TQDMProgressBar": {},
    "WeightAveraging": {},
}
QUICKLY = ("EarlyStopping", "ModelCheckpoint", "RichProgressBar", "LearningRateMonitor")
CANNOT_LOAD = ("SpikeDetection",)  # its load_state_dict asks for an attribute that it has not, in Lightning 2.6 itself
BARS = ("ProgressBar", "RichProgressBar", "TQDMProgressBar")


def overrides(name):
    added = {"_target_": f"pytorch_lightning.callbacks.{name}"} | SETTINGS[name]
    typed = [f"+callbacks.theirs.{key}={value}" for key, value in added.items()]
    return [*QUICK, *typed, *(["trainer.enable_progress_bar=true"] if name in BARS else [])]


def test_none_has_been_forgotten():
    assert set(SETTINGS) == set(lightning.__all__)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICKLY else pytest.mark.slow)
        for name, settings in SETTINGS.items()
        if settings is not None and None not in settings.values()
    ],
)
def test_a_callback_of_lightnings_trains_and_is_resumed(compose_config, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    train(compose_config(*overrides(name)))
    if name in CANNOT_LOAD:
        return
    resume(str(tmp_path / "run"), ["trainer.max_epochs=3"])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["status"], summary["epochs"]) == ("finished", 3)


def test_averaged_weights_are_for_models_that_optimize_automatically(compose_config, tmp_path):
    typed = [text for text in overrides("StochasticWeightAveraging") if not text.startswith("model.")]
    with pytest.raises(ConfigError, match="SWA currently works with 1 `optimizer`"):
        train(compose_config("model=gan", "evaluate_every=0", *typed))


def test_lightning_finds_its_own_where_it_looks_for_them(compose_config):
    trainer = build(compose_config(*overrides("EarlyStopping"))).trainer
    assert isinstance(trainer.early_stopping_callback, lightning.EarlyStopping)
    trainer = build(compose_config(*overrides("ModelCheckpoint"))).trainer
    assert isinstance(trainer.checkpoint_callback, lightning.ModelCheckpoint)
    assert isinstance(trainer.callbacks[-1], Bundle)


@pytest.mark.parametrize(("typed", "mode"), [([], "max"), (["callbacks.checkpoints.monitor=val/kl"], None)])
def test_which_way_is_better_is_known_of_a_quantity_or_asked_for(compose_config, typed, mode):
    if mode is not None:
        cfg = compose_config(*typed)
        assert build(cfg).checkpoints.mode == cfg.callbacks.checkpoints.mode == mode  # so that a run folder is whole
        return
    with pytest.raises(ConfigError, match=r"which way is better; give callbacks\.checkpoints\.mode=min or max"):
        build(compose_config(*typed))
    assert build(compose_config(*typed, "callbacks.checkpoints.mode=min")).checkpoints.mode == "min"


def test_a_checkpoint_has_what_an_early_stopping_has_counted(compose_config, tmp_path):
    """It counts at the end of an epoch too, and would begin anew after a resume."""
    typed = [text for text in overrides("EarlyStopping") if "mode" not in text]
    train(
        compose_config(*typed, "+callbacks.theirs.mode=min", "+callbacks.theirs.patience=5", "model.learning_rate=1e-2")
    )
    checkpoint = torch.load(Path(tmp_path) / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    (state,) = (state for key, state in checkpoint["callbacks"].items() if key.startswith("EarlyStopping"))
    assert state["wait_count"] == 1  # of two epochs the second was no better: the ELBO grows


@pytest.mark.parametrize("arguments", [((), {"stage": "fit"}), (("fit",), {})])
def test_a_hook_gets_what_lightning_passes(arguments):
    class Heard(lightning.Callback):
        def setup(self, trainer, pl_module, stage):
            self.stage = stage

    heard = Heard()
    positional, named = arguments
    Bundle({"heard": heard}).setup(None, None, *positional, **named)
    assert heard.stage == "fit"
