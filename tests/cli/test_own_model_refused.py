"""A class of the user's that cannot be trained: one line each, and nothing is left."""

import sys

import pytest
from hydra.core.global_hydra import GlobalHydra

WHOLE = """
import torch
from pytorch_lightning import LightningModule


class Mine(LightningModule):
    quantities = ("distance",)
    latent_dim = 3

    def __init__(self, image_shape):
        super().__init__()
        self.image = torch.nn.Parameter(torch.rand(*image_shape))

    def training_step(self, batch, batch_idx):
        distance = (batch[0] - self.image).square().mean()
        return {"loss": distance, "distance": distance.detach()}

    def validation_step(self, batch, batch_idx):
        self.log("val/distance", (batch[0] - self.image).square().mean())

    def test_step(self, batch, batch_idx):
        self.log("test/distance", (batch[0] - self.image).square().mean())

    def sample(self, n, generator=None):
        return self.image.expand(n, -1, -1, -1)

    def encode(self, images):
        return images.flatten(1)[:, :3]

    def decode(self, z):
        return self.image.expand(len(z), -1, -1, -1)

    def reconstruct(self, images):
        return images

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
"""
# What stands there → what stands there instead, and what is said of it
WRONG = {
    "raises": ("import torch\n", "import torch\n1 / 0\n", "cannot be imported (ZeroDivisionError: division by zero)"),
    "syntax": ("class Mine(", "class Mine(((", "cannot be imported (SyntaxError"),
    "imports": ("import torch\n", "import torch\nimport not_there\n", "No module named 'not_there'"),
    "name": ("class Mine(", "class Yours(", "has no attribute 'Mine'"),
    "module": ("class Mine(LightningModule)", "class Mine(torch.nn.Module)", "no LightningModule; name another"),
    "function": ("class Mine(", "def Mine(): pass\nclass Yours(", "no class of own; name a class"),
    "quantities": ('quantities = ("distance",)', "pass", "has no quantities; see Reports in genlab.capabilities"),
    "training": ("training_step", "train_step", "has no training_step; see docs/extending.md"),
    "test": ("test_step", "tests", "has no test_step; see docs/extending.md"),
    "optimizer": ("configure_optimizers", "adam", "has no configure_optimizers; see docs/extending.md"),
    "generator": ("n, generator=None", "n", "sample(2, generator) fails (TypeError: "),
    "samples": ("expand(n, -1, -1, -1)", "expand(n, -1, 8, 8)[0]", "gives (1, 8, 8); it should give (2, 1, 8, 8)"),
    "codes": ("flatten(1)[:, :3]", "flatten(1)[0]", "gives (64,); it should give (2, D)"),
    "decoded": ("expand(len(z), -1, -1, -1)", "clone()", "decode of (2, 3) gives (1, 8, 8); it should give "),
    "reconstruct": ("return images\n", "return None\n", "reconstruct of (2, 1, 8, 8) fails (AttributeError: "),
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """own(text): the package, and what is typed to train its model."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    config = "# @package _global_\nmodel:\n  _target_: own.Mine\ntrainer:\n  max_epochs: 1\n"
    (tmp_path / "conf" / "model" / "own.yaml").write_text(config)
    monkeypatch.syspath_prepend(tmp_path)

    def write(text):
        (tmp_path / "own.py").write_text(text)
        return ["--config-dir", "conf", "model=own", "data=digits", "callbacks=search", "trainer.accelerator=cpu"]

    yield write
    GlobalHydra.instance().clear()
    sys.modules.pop("own", None)


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_class_lacks_is_told_in_one_line_before_training(genlab, own, tmp_path, wrong):
    there, instead, words = WRONG[wrong]
    assert there in WHOLE
    result = genlab("train", *own(WHOLE.replace(there, instead)))
    assert result.code in (1, 2), result
    assert result.err.startswith("error: model._target_=own.Mine: ")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


def test_the_whole_one_is_trained(genlab, own):
    result = genlab("train", *own(WHOLE))
    assert not result.code, result


@pytest.mark.parametrize(
    ("conf", "words"),
    [("absent", "--config-dir absent: no such folder"), ("own.py", "--config-dir own.py: no such folder")],
)
def test_a_folder_of_configs_that_is_none_is_told(genlab, own, conf, words):
    typed = own(WHOLE)
    for command in (["train", "--config-dir", conf, *typed[2:]], ["sample", "x", "--config-dir", conf]):
        result = genlab(*command)
        assert result.code == 2, result
        assert words.removeprefix("--config-dir ") in result.err
        assert result.err.count("\n") == 1
