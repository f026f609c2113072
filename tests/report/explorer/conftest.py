"""A small run of a VAE in two dimensions, and pages of models on its data."""

import json

import pytest
import torch
from conftest import stand_in_config

from genlab.report.explorer.exhibit import exhibit
from genlab.report.explorer.page import page
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import open_run
from genlab.training.train import train

SETTINGS = ["model=vae", "model.latent_dim=2", "model.hidden_dims=[16]", "trainer.max_epochs=2"]
SETTINGS += ["callbacks=search", "callbacks.test_nll.images=2", "logger=none"]


@pytest.fixture(scope="session")
def plane(mnist_root, tmp_path_factory):
    """The folder of the run."""
    folder = tmp_path_factory.mktemp("plane")
    train(stand_in_config(mnist_root, folder, *SETTINGS))
    return folder / "run"


@pytest.fixture(scope="session")
def exhibited(plane):
    """exhibited(model): the exhibit of a model on the data of the run."""

    def exhibit_of(model, name="a run"):
        with torch.no_grad():
            return exhibit(open_run(plane, MODEL_SECTIONS), model.eval(), name, "best.ckpt")

    return exhibit_of


@pytest.fixture
def write_page(tmp_path):
    """write_page([exhibit, …]): the file of their page."""

    def write(exhibits):
        file = tmp_path / "explorer.html"
        file.write_text(page(exhibits), encoding="utf-8")
        assert json.dumps(exhibits)
        return file

    return write
