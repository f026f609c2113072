"""One small trained run of each model, and the command line in this process."""

import sys
from types import SimpleNamespace

import pytest
from conftest import stand_in_config

from genlab.cli.main import main
from genlab.training.train import train

QUICK = ["data.batch_size=100", "trainer.max_epochs=1", "++trainer.limit_train_batches=3", "logger=none"]
QUICK += ["callbacks.test_nll.images=4", "callbacks.test_nll.samples=2", "callbacks.ex_post_samples.images=20000"]
TINY = {
    "vae": ["model.hidden_dims=[16]", "model.latent_dim=4"],
    "autoencoder": ["model.hidden_dims=[16]", "model.latent_dim=4", "callbacks.ex_post_samples.components=2"],
    "gan": ["model.latent_dim=8", "evaluate_every=0"],
    "flow_matching": ["model.layers=1", "model.width=8", "model.heads=2", "callbacks.traversals.rows=1"],
    "flow": ["model.steps=1", "model.channels=[4,4]", "model.dequantization=uniform"],
}


@pytest.fixture(scope="session")
def runs(mnist_root, tmp_path_factory):
    """Model → its run folder; all below one folder. Do not write to them."""
    outputs = tmp_path_factory.mktemp("runs")
    for model, settings in TINY.items():
        overrides = [f"model={model}", *QUICK, *settings]
        train(stand_in_config(mnist_root, outputs / model, *overrides), overrides=overrides)
    return {model: outputs / model / "run" for model in TINY}


@pytest.fixture
def genlab(monkeypatch, capsys, tmp_path):
    """genlab("sample", folder, "-n", 4): the command in this process, in tmp_path → its code, out and err."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["genlab", *map(str, arguments)])
        monkeypatch.setattr("genlab.cli.picture.keep_quiet", lambda: None)  # other tests look at the log
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return run
