"""A family of models that lives in a user's own package: no file of genlab knows of it, and everything works."""

import json
import signal
import sys

import pytest
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra

from genlab.errors import ConfigError

PACKAGE = '''
import torch
from pytorch_lightning import LightningModule
from torch import nn

from genlab.quantities import Quantity


class MeanImage(LightningModule):
    """Pixels are Gaussian about one image that is learnt."""

    quantities = ("distance",)
    described = (Quantity("distance", unit="grey levels", better="lower"),)

    def __init__(self, learning_rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.image = nn.Parameter(torch.rand(1, 28, 28))

    def _step(self, batch, split):
        distance = (batch[0] - self.image).square().mean()
        here = {"on_step": split == "train", "on_epoch": split != "train", "batch_size": len(batch[0])}
        self.log(f"{split}/distance", distance, **here)
        return distance

    def training_step(self, batch, batch_idx):
        return self._step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self._step(batch, "val")

    def test_step(self, batch, batch_idx):
        self._step(batch, "test")

    def sample(self, n, generator=None):
        noise = 0.1 * torch.randn(n, 1, 28, 28, generator=generator).to(self.device)
        return (self.image + noise).clamp(0, 1).detach()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.learning_rate)
'''
CONFIG = """# @package _global_
model:
  _target_: of_a_user.MeanImage
  learning_rate: 0.1
trainer:
  max_epochs: 3
data:
  batch_size: 100
callbacks:
  checkpoints:
    monitor: val/distance
"""


@pytest.fixture
def outside(tmp_path, monkeypatch, mnist_root):
    """What is typed to train the family, in a folder where it can be imported."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "of_a_user.py").write_text(PACKAGE)
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "mean_image.yaml").write_text(CONFIG)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    GlobalHydra.instance().clear()
    yield ["--config-dir", "mine", "model=mean_image", f"data.root={mnist_root}", "trainer.accelerator=cpu"]
    GlobalHydra.instance().clear()
    sys.modules.pop("of_a_user", None)
    for number, handler in signals.items():
        signal.signal(number, handler)


def weights(folder, name="last"):
    checkpoint = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return checkpoint["state_dict"]["image"], checkpoint["optimizer_states"][0]["state"][0]["exp_avg"]


@pytest.mark.slow
def test_a_family_from_outside_is_a_family(genlab, outside, tmp_path):
    def done(*arguments):
        GlobalHydra.instance().clear()
        result = genlab(*arguments)
        assert not result.code, result
        return result

    done("train", *outside, "hydra.run.dir=whole")
    whole = tmp_path / "whole"
    summary = json.loads((whole / "summary.json").read_text())
    assert (summary["status"], summary["headline"], summary["model"]) == ("finished", "distance", "MeanImage")
    assert summary["metrics"]["test/distance"] < summary["metrics"]["train/distance"] + 0.05
    assert (whole / "images" / "samples" / "epoch_0003.png").exists()
    assert summary["best"]["metric"] == "val/distance"
    assert (whole / "checkpoints" / "best.ckpt").exists()

    done("train", *outside, "hydra.run.dir=part", "trainer.max_epochs=1")
    refused = genlab("resume", "part", "trainer.max_epochs=3")
    assert refused.code == 1
    assert "of_a_user.MeanImage is not a class that genlab's configs name there" in refused.err
    assert "--trust of_a_user allows it" in refused.err
    done("resume", "part", "trainer.max_epochs=3", "--trust", "of_a_user")
    for one, other in zip(weights(whole), weights(tmp_path / "part"), strict=True):
        assert torch.equal(one, other)
    assert (whole / "metrics.csv").read_text() == (tmp_path / "part" / "metrics.csv").read_text()

    assert "--trust of_a_user allows it" in genlab("sample", "whole").err
    done("sample", "whole", "-n", "4", "--config-dir", "mine")
    few = ["--samples", "100", "--images", "100", "--likelihood-images", "4"]
    done("evaluate", "whole", *few, "--config-dir", "mine")
    assert json.loads((whole / "evaluation.json").read_text())["model"] == "MeanImage"
    done("report", "whole", "part")
    assert "MeanImage" in (tmp_path / "report.html").read_text()

    swept = ["callbacks=search", "trainer.max_epochs=1", "seed=0,1", "hydra.sweep.dir=swept"]
    done("train", "-m", *outside, *swept)
    assert [json.loads((tmp_path / "swept" / job / "summary.json").read_text())["status"] for job in "01"] == 2 * [
        "finished"
    ]

    searched = {"metric": "val/distance", "direction": "minimise", "trials": 2, "trial_overrides": ["callbacks=search"]}
    space = {"model.learning_rate": {"type": "log_uniform", "low": 0.01, "high": 0.1}}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump({**searched, "overrides": outside[2:], "space": space}))
    tune = ["tune", "search=search.yaml", "tune.folder=searched", "trainer.max_epochs=1"]
    done(*tune, "--config-dir", "mine")
    assert "model=mean_image" in (tmp_path / "searched" / "search.yaml").read_text()
    assert [
        json.loads(path.read_text())["model"] for path in (tmp_path / "searched").glob("trials/*/summary.json")
    ] == ["MeanImage"] * 2


def test_its_config_is_found_by_name(outside, tmp_path, monkeypatch):
    from genlab.cli.overrides import check

    monkeypatch.chdir(tmp_path)
    assert check(outside) == outside
    with pytest.raises(ConfigError, match=r"model=mean_imag: did you mean mean_image\?"):
        check([*outside[:2], "model=mean_imag"])
    assert yaml.safe_load(CONFIG)["model"]["_target_"] == "of_a_user.MeanImage"
