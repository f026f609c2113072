"""genlab.train and genlab.load_run: a run as an object, and a process that is left as it was."""

import logging
import os
import random
import signal
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import genlab
from genlab.errors import ConfigError, RunError

QUICK = [
    "data=digits",
    "model.hidden_dims=[16]",
    "model.latent_dim=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
]
QUICK += ["trainer.limit_train_batches=4", "callbacks.test_nll.images=4", "callbacks.test_nll.samples=2"]
QUICK += ["callbacks.ex_post_samples.components=0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Do not write to it, but for its evaluation."""
    return genlab.train("model=vae", *QUICK, f"outputs={tmp_path_factory.mktemp('outputs')}")


def state():
    """What a run may change in its process."""
    loggers = [logging.getLogger(name) for name in (None, "genlab", "pytorch_lightning", "lightning_fabric", "torch")]
    return {
        "random": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "hooks": (sys.excepthook, sys.exit, threading.excepthook),
        "logging": [(one.level, list(one.handlers), one.propagate) for one in loggers],
        "warnings": list(warnings.filters),
        "torch": (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.is_grad_enabled(),
            torch.is_anomaly_enabled(),
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            bool(torch.tensor(1e-30) * 1e-10 == 0),
        ),
        "hydra": (GlobalHydra.instance().is_initialized(), HydraConfig.initialized()),
        "resolvers": {name: OmegaConf.has_resolver(name) for name in ("hydra", "now", "run_name")},
        "process": (os.getcwd(), dict(os.environ), sys.argv, list(sys.path)),
    }


INTERRUPTING = """
from pytorch_lightning import Callback
class Stop(Callback):
    def on_train_batch_start(self, *args, **kwargs):
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (["trainer.deterministic=true", "seed=7"], None),
        (["model.latent_dim=0"], ConfigError),
        (["modle=vae"], ConfigError),
        (["+callbacks.stop._target_=interrupting_callback.Stop"], KeyboardInterrupt),
    ],
    ids=["finished", "refused value", "refused name", "interrupted"],
)
def test_the_process_is_left_as_it_was(overrides, error, tmp_path, monkeypatch):
    (tmp_path / "interrupting_callback.py").write_text(INTERRUPTING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    signal.signal(signal.SIGUSR2, handler := lambda *_: None)
    before = state()
    try:
        if error is None:
            genlab.train("model=vae", *QUICK, *overrides)
        else:
            with pytest.raises(error):
                genlab.train("model=vae", *QUICK, *overrides)
        after = state()
    finally:
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    assert before["signals"][signal.SIGUSR2] is handler
    for name, value in before.items():
        assert after[name] == value, name


def test_a_run_does_not_depend_on_what_ran_before(run, tmp_path):
    torch.manual_seed(12)
    np.random.seed(34)
    again = genlab.train("model=vae", *QUICK, f"outputs={tmp_path}")
    assert again.metrics == run.metrics and again.folder != run.folder


def test_a_run_has_its_numbers_curves_and_pictures(run):
    assert run.summary["status"] == "finished"
    assert run.metrics["test/elbo"] == run.summary["metrics"]["test/elbo"]
    history = run.history()
    assert {len(column) for column in history.values()} == {len(history["step"])}
    assert [step for step, elbo in zip(history["step"], history["val/elbo"], strict=True) if elbo == elbo] == [4]
    assert len(run.pictures("samples")) == 2 and run.pictures("samples")[0].size[0] > 8
    with torch.no_grad():
        assert run.model.sample(3).shape == (3, 1, 8, 8)
    assert not run.model.training


def test_the_same_comes_from_its_folder(run):
    again = genlab.load_run(run.folder)
    assert isinstance(again, genlab.Run)
    assert (again.metrics, again.config, str(again.history())) == (run.metrics, run.config, str(run.history()))
    assert all(torch.equal(*pair) for pair in zip(again.model.parameters(), run.model.parameters(), strict=True))


def test_an_evaluation_is_written_and_returned(run):
    few = {"samples": 100, "images": 100, "likelihood_images": 4, "importance_samples": 4, "prior_samples": 10}
    before = state()
    found = run.evaluate(**few)
    assert {name: value for name, value in state().items() if value != before[name]} == {}
    assert found["scores"]["nll"]["value"] > 0 and (run.folder / "evaluation.json").exists()
    with pytest.raises(ConfigError, match="sample: no setting of an evaluation; did you mean samples"):
        run.evaluate(sample=100)
    with pytest.raises(ConfigError, match="samples=3: "):
        run.evaluate(samples=3)


def test_a_notebook_shows_picture_curve_and_numbers(run):
    page = run._repr_html_()
    assert "VAE on digits" in page and "data:image/png;base64," in page and "test/elbo" in page
    assert page.count("data:image/png;base64,") == 2 and 'alt="ELBO, nats per image"' in page


def test_texts_of_a_strangers_run_are_escaped(run):
    evil = "<script>alert(1)</script>"
    summary = run.summary | {"model": evil, "headline": evil, "metrics": {evil: 1.0}}
    page = genlab.Run(run.folder, run.config, summary)._repr_html_()
    assert evil not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["modle=vae"], "modle: the configuration has no modle; did you mean model"),
        (["model.latent_dim=0"], "model.latent_dim=0: should be greater than 0"),
        (["trainer.max_epochs=ten"], "trainer.max_epochs=ten: "),
        (["-m", "seed=0,1"], "-m: not of the form KEY=VALUE"),
        (["trainer.devices=2"], "trainer.devices=2: a run in Python has one process; use python train.py"),
        (["outputs=/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_errors_are_exceptions_of_one_line(overrides, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(genlab.errors.GenlabError) as caught:
        genlab.train(*QUICK, *overrides)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_a_run_has_not_is_named(run, tmp_path):
    with pytest.raises(RunError, match=r"sample: .* no such pictures; did you mean samples"):
        run.pictures("sample")
    with pytest.raises(RunError, match="no such folder"):
        genlab.load_run(tmp_path / "nothing")


def test_an_own_model_is_loaded_again_because_it_was_trained_here(tmp_path, monkeypatch):
    (tmp_path / "own_family.py").write_text("from genlab.models.vae import VAE\nclass Mine(VAE):\n    pass\n")
    (tmp_path / "configs" / "model").mkdir(parents=True)
    (tmp_path / "configs" / "model" / "mine.yaml").write_text(
        "_target_: own_family.Mine\nlatent_dim: 4\nhidden_dims: [16]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = [text for text in QUICK if not text.startswith("model.")]
    run = genlab.train("model=mine", *settings, f"outputs={tmp_path / 'outputs'}", config_dir=tmp_path / "configs")
    assert type(run.model).__name__ == "Mine"
    with pytest.raises(RunError, match="--trust own_family"):
        genlab.load_run(run.folder)
    assert genlab.load_run(run.folder, trust=("own_family",)).metrics == run.metrics
    with pytest.raises(ConfigError, match="model=mine"):  # the folder counts for one run only
        genlab.train("model=mine", *settings, f"outputs={tmp_path / 'outputs'}")
