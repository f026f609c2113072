"""Searches of tiny runs on the stand-in data."""

import pytest
from omegaconf import OmegaConf

TINY = [
    "model=vae",
    "model.hidden_dims=[4]",
    "data.batch_size=275",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "callbacks=search",
    "callbacks.test_nll.images=2",
    "callbacks.test_nll.samples=2",
    "logger=none",
]
SPACE = {
    "model.latent_dim": {"type": "integer", "low": 1, "high": 9},
    "model.learning_rate": {"type": "log_uniform", "low": 1e-4, "high": 1e-2},
    "model.activation": {"type": "choice", "options": ["relu", "tanh"]},
}


@pytest.fixture
def search_file(tmp_path, mnist_root):
    """search_file(trials=3, …) → the path of a search's file."""

    def write(**settings):
        tiny = [*TINY, f"data.root={mnist_root}"]
        search = {"metric": "val/elbo", "direction": "maximise", "overrides": tiny, "space": SPACE, "trials": 3}
        path = tmp_path / "tiny.yaml"
        OmegaConf.save(OmegaConf.create({**search, **settings}), path)
        return path

    return write
