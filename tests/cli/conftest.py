"""One small trained run of each model, and the test images."""

import pytest
from conftest import stand_in_config

from genlab.data.dataset import read_split
from genlab.data.sources import find_files
from genlab.training.train import train

QUICK = ["data.batch_size=100", "trainer.max_epochs=1", "++trainer.limit_train_batches=3", "logger=none"]
QUICK += [
    "callbacks.samples.n=64",
    "callbacks.interpolation.rows=8",
    "callbacks.interpolation.columns=10",
]  # the commands'
QUICK += ["callbacks.test_nll.images=4", "callbacks.test_nll.samples=2", "callbacks.ex_post_samples.images=20000"]
TINY = {
    "vae": ["model.hidden_dims=[16]", "model.latent_dim=4"],
    "autoencoder": ["model.hidden_dims=[16]", "model.latent_dim=4", "callbacks.ex_post_samples.components=2"],
    "gan": ["model.latent_dim=8", "evaluate_every=0"],
    "flow_matching": ["model.channels=[4,4]", "callbacks.traversals.rows=1", "evaluation.steps=[1,2]"],
    "flow": ["model.steps=1", "model.channels=[4,4]", "model.dequantization=uniform"],
}


@pytest.fixture(scope="session")
def runs(mnist_root, tmp_path_factory):
    """Model → its run folder, trained when a test asks for it; all below one folder. Do not write to them."""
    outputs = tmp_path_factory.mktemp("runs")

    class Runs(dict):
        def __missing__(self, model):
            overrides = [f"model={model}", *QUICK, *TINY[model]]
            train(stand_in_config(mnist_root, outputs / model, *overrides), overrides=overrides)
            return self.setdefault(model, outputs / model / "run")

    return Runs()


@pytest.fixture(scope="session")
def of_every_family(runs):
    """The folder below which each model has a run."""
    folders = [runs[model] for model in TINY]
    return folders[0].parents[1]


@pytest.fixture
def test_images(mnist_root):
    """(100, 28, 28) uint8."""
    return read_split(find_files("mnist", str(mnist_root)), "t10k").images[:, 0]


@pytest.fixture(scope="session")
def labelled(mnist_root, tmp_path_factory):
    """A run of a VAE that was told the labels; do not write to it."""
    outputs = tmp_path_factory.mktemp("labelled")
    overrides = ["model=vae", *QUICK, *TINY["vae"], "model.conditional=true", "data.batch_size=20"]
    overrides += ["++trainer.limit_train_batches=27", "model.learning_rate=0.01"]
    overrides += ["callbacks.samples_by_class.columns=10", "callbacks.samples_by_class.classes=30"]
    train(stand_in_config(mnist_root, outputs, *overrides), overrides=overrides)
    return outputs / "run"
