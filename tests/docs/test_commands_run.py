"""Each printed command runs to its end: a batch, stand-in images, small numbers."""

import re
import shutil

import numpy as np
import pytest
from conftest import stand_in_config, write_mnist
from docs.printed import OF_THE_READER, printed
from PIL import Image

from genlab.cli.overrides import check
from genlab.training.train import train

pytestmark = pytest.mark.slow

BRIEF = ["trainer.max_epochs=1", "++trainer.limit_train_batches=1", "++trainer.limit_val_batches=1"]
BRIEF += ["++trainer.limit_test_batches=1", "data.batch_size=16", "data.eval_batch_size=50"]
FEW = ["callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "callbacks.sample_quality.n=100"]
FEW += ["callbacks.ex_post_samples.images=200", "callbacks.ex_post_samples.n=4"]
FEW += ["evaluation.samples=100", "evaluation.images=100", "evaluation.steps=[]"]
FEW += ["evaluation.likelihood_images=2", "evaluation.importance_samples=10", "evaluation.prior_samples=10"]

# What takes long to draw pictures, or has millions of weights to write
SMALLER = {"flow_matching": ["model.channels=[4,4]"], "=made": ["model.hidden_dims=[16]"]}
SMALLER |= {"model=flow ": ["model.steps=1", "model.channels=[4,4]"], "autoregressive_best ": ["model.layers=1"]}
SMALLER |= {name: ["model.couplings=2", "model.hidden_dims=[16]"] for name in ("report_flow ", "flow_course ")}

# What a batch does not show has tests of its own: processes in tests/training, launchers in tests/sweeps, loggers in
# tests/loggers, and below searches in tests/tuning, `features` in tests/cli, packages in test_extending.py
ELSEWHERE = ("accelerator=gpu", "trainer=ddp", "hydra/launcher", "logger=", "--help", "SWEEP_FOLDER")


def first_job(words):
    """The overrides of a command, of a sweep those of its first job."""
    words = [word for word in words if word not in ("-m", "--multirun")]
    return tuple(word if "[" in word else word.partition(",")[0] for word in words)


TRAINING = dict.fromkeys(
    first_job(command[2:])
    for command in printed("python train.py", "genlab train", without=(*OF_THE_READER, *ELSEWHERE))
)
COMMANDS = [
    command
    for command in printed("genlab ", without=("--config-dir", "--trust", "--sampling"))
    if command[1] not in ("train", "tune", "features")
]
MODELS = {"--temperature": "flow", "--solver": "flow_matching"}
MODELS |= {"--components": "autoencoder", "--label": "conditional", "--grid": "conditional"}
TINY = {
    "vae": ["model.hidden_dims=[16]", "model.latent_dim=4"],
    "conditional": ["model=vae", "model.conditional=true", "model.hidden_dims=[16]", "model.latent_dim=4"],
    "autoencoder": ["model.hidden_dims=[16]", "model.latent_dim=4"],
    "flow_matching": ["model.channels=[4,4]"],
    "flow": ["model.steps=1", "model.channels=[4,4]", "model.dequantization=uniform"],
}
LESS = {"evaluate": ["--samples=100", "--images=100", "--likelihood-images=2", "--importance-samples=10"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Stand-ins for MNIST and KMNIST."""
    root = write_mnist(tmp_path_factory.mktemp("data"), 600, 100)
    shutil.copytree(root / "MNIST", root / "KMNIST")
    return root


@pytest.fixture
def own_images(tmp_path):
    """Those of the reader, by the names that docs/data.md gives them."""
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(300) % 10)
    (tmp_path / "pictures").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{index}.png")


@pytest.mark.parametrize("overrides", TRAINING, ids=" ".join)
def test_a_training_command_runs(root, own_images, tmp_path, monkeypatch, overrides):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    typed = f"{' '.join(overrides)} "
    smaller = [setting for name, settings in SMALLER.items() if name in typed for setting in settings]
    checked = check([*overrides, *BRIEF, *FEW, *smaller])
    assert train(stand_in_config(root, tmp_path, *checked))


@pytest.fixture(scope="module")
def folders(root, tmp_path_factory):
    """Kind → a small run folder."""
    outputs = tmp_path_factory.mktemp("runs")
    for kind, settings in TINY.items():
        family = [] if settings[0].startswith("model=") else [f"model={kind}"]
        train(stand_in_config(root, outputs / kind, *family, *settings, *BRIEF, *FEW, "logger=none"))
    return {kind: outputs / kind / "run" for kind in TINY}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_runs(folders, tmp_path, genlab, monkeypatch, command):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kind = next((kind for word, kind in MODELS.items() if word in command), "vae")
    for name in ("RUN_FOLDER", "OTHER_RUN_FOLDER", "outputs/gan/a", "outputs/vae/a", "outputs/sweeps/a/0"):
        shutil.copytree(folders[kind], tmp_path / name)
    for word in command:
        if re.fullmatch(r"outputs/\w+/[\w-]+", word):
            shutil.copytree(folders[kind], tmp_path / word / ("0" if "sweeps" in word else ""))
    arguments = [word.replace("max_epochs=60", "max_epochs=2") for word in command[1:]]
    if command[1] == "resume" and len(command) == 3:
        arguments.append("trainer.max_epochs=2")  # this one has finished
    result = genlab(*arguments, *LESS.get(command[1], []))
    assert not result.code, result


def test_commands_are_found():
    assert len(TRAINING) > 40 and len(COMMANDS) > 25
