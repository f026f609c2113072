"""A family of models that lives in a user's own package, the one that `genlab new` writes: everything works."""

import json
import signal
import sys

import pytest
import torch
import yaml
from hydra.core.global_hydra import GlobalHydra

import genlab as package
from genlab.errors import ConfigError


@pytest.fixture
def outside(genlab, tmp_path, monkeypatch, mnist_root):
    """What is typed to train the family, in a folder where it can be imported."""
    assert not genlab("new", "model", "mine").code
    monkeypatch.syspath_prepend(tmp_path)
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    GlobalHydra.instance().clear()
    yield ["--config-dir", "mine/conf", "model=mine", f"data.root={mnist_root}", "trainer.accelerator=cpu"]
    GlobalHydra.instance().clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]
    for number, handler in signals.items():
        signal.signal(number, handler)


def weights(folder, name="last"):
    checkpoint = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return checkpoint["state_dict"]["weight"], checkpoint["optimizer_states"][0]["state"][0]["exp_avg"]


@pytest.mark.slow
def test_a_family_from_outside_is_a_family(genlab, outside, tmp_path):
    def done(*arguments):
        GlobalHydra.instance().clear()
        result = genlab(*arguments)
        assert not result.code, result
        return result

    done("train", *outside, "trainer.max_epochs=3", "hydra.run.dir=whole")
    whole = tmp_path / "whole"
    summary = json.loads((whole / "summary.json").read_text())
    assert (summary["status"], summary["headline"], summary["model"]) == ("finished", "log_density", "Mine")
    assert summary["metrics"]["test/log_density"] > summary["metrics"]["train/log_density"] - 50
    assert summary["quantities"][0]["better"] == "higher"
    assert (whole / "images" / "samples" / "epoch_0003.png").exists()
    assert (whole / "images" / "reconstructions" / "epoch_0003.png").exists()
    assert (summary["best"]["metric"], summary["best"]["mode"]) == ("val/log_density", "max")
    assert (whole / "checkpoints" / "best.ckpt").exists()

    done("train", *outside, "hydra.run.dir=part", "trainer.max_epochs=1")
    refused = genlab("resume", "part", "trainer.max_epochs=3")
    assert refused.code == 1
    assert "mine.model.Mine is not a class that genlab's configs name there" in refused.err
    assert "--trust mine allows it" in refused.err
    done("resume", "part", "trainer.max_epochs=3", "--config-dir", "mine/conf")
    for one, other in zip(weights(whole), weights(tmp_path / "part"), strict=True):
        assert torch.equal(one, other)
    assert (whole / "metrics.csv").read_text() == (tmp_path / "part" / "metrics.csv").read_text()

    assert "--trust mine allows it" in genlab("sample", "whole").err
    done("sample", "whole", "-n", "4", "--config-dir", "mine/conf")
    for command in ("reconstruct", "interpolate"):
        done(command, "whole", "--config-dir", "mine/conf")
    assert type(package.load(whole, config_dir=tmp_path / "mine" / "conf")).__name__ == "Mine"
    done("export", "whole", "--config-dir", "mine/conf", "--out", "exported")
    assert "--trust mine allows it" in genlab("sample", "exported").err
    done("sample", "exported", "-n", "4", "--trust", "mine")
    few = ["--samples", "100", "--images", "100", "--likelihood-images", "4"]
    done("evaluate", "whole", *few, "--config-dir", "mine/conf")
    assert json.loads((whole / "evaluation.json").read_text())["model"] == "Mine"
    done("report", "whole", "part", "--config-dir", "mine/conf")
    assert "Mine" in (tmp_path / "report.html").read_text()

    swept = ["callbacks=search", "trainer.max_epochs=1", "seed=0,1", "hydra.sweep.dir=swept"]
    done("train", "-m", *outside, *swept)
    assert [json.loads((tmp_path / "swept" / job / "summary.json").read_text())["status"] for job in "01"] == 2 * [
        "finished"
    ]
    more = [text.replace("seed=0,1", "seed=0,1,2") for text in swept if "hydra" not in text]
    assert "3 finished" in done("train", "-m", *outside, *more, "sweep.resume=swept").out

    searched = {
        "metric": "val/log_density",
        "direction": "maximise",
        "trials": 2,
        "trial_overrides": ["callbacks=search"],
    }
    space = {"model.learning_rate": {"type": "log_uniform", "low": 0.01, "high": 0.1}}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump({**searched, "overrides": outside[2:], "space": space}))
    tune = ["tune", "search=search.yaml", "tune.folder=searched", "trainer.max_epochs=1"]
    done(*tune, "--config-dir", "mine/conf")
    assert "model=mine" in (tmp_path / "searched" / "search.yaml").read_text()
    assert [
        json.loads(path.read_text())["model"] for path in (tmp_path / "searched").glob("trials/*/summary.json")
    ] == ["Mine"] * 2


def test_its_config_is_found_by_name(outside, tmp_path, monkeypatch):
    from genlab.cli.overrides import check, typed

    monkeypatch.chdir(tmp_path)
    assert typed(check(outside)) == outside
    with pytest.raises(ConfigError, match=r"model=min: did you mean mine\?"):
        check([*outside[:2], "model=min"])
