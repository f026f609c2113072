"""pretrained:NAME in the place of a run folder, and the script that makes one."""

import json
from pathlib import Path

import pytest
import torch
from fork_server import Training

import genlab as package
from genlab.errors import RunError
from genlab.runs import pretrained
from genlab.runs.pretrained import run_folder

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "pretrain.py"
QUICK = [
    "data=digits",
    "trainer.max_epochs=1",
    "model.hidden_dims=[8]",
    "model.latent_dim=2",
    "trainer.accelerator=cpu",
]
QUICK += ["evaluation.likelihood_images=4", "evaluation.importance_samples=4", "evaluation.prior_samples=10"]
QUICK += ["evaluation.samples=100", "evaluation.images=100", "callbacks=search", "callbacks.test_nll.samples=2"]


def pretrain(tmp_path, *arguments):
    return Training(tmp_path, "vae", *arguments, "--runs", "runs", "--out", "shipped", program=SCRIPT).end()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder with one preset, of seconds, as the script makes it."""
    folder = tmp_path_factory.mktemp("pretrained")
    code, out, err = pretrain(folder, *QUICK)
    assert code == 0, err
    assert "pretrained:vae: 0.0 of 6 MB" in out
    return folder


@pytest.fixture
def vae(shipped, tmp_path, monkeypatch):
    """The folder that came with genlab; the cache is the test's own."""
    monkeypatch.setattr(pretrained, "SHIPPED", shipped / "shipped")
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path / "cache")
    return shipped / "shipped" / "vae"


@pytest.mark.slow
def test_commands_take_a_pretrained_model(vae, genlab, tmp_path):
    few = ["--samples", "100", "--images", "100", "--likelihood-images", "4", "--importance-samples", "4"]
    for command in (
        ["sample", "pretrained:vae", "-n", "4"],
        ["interpolate", "pretrained:vae", "--rows", "2"],
        ["reconstruct", "pretrained:vae", "-n", "2"],
        ["evaluate", "pretrained:vae", *few, "--prior-samples", "10"],
        ["report", "pretrained:vae"],
        ["export", "pretrained:vae"],
    ):
        result = genlab(*command)
        assert not result.code, result
    assert {"samples.png", "interpolation.png", "reconstructions.png", "report.html"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert list((tmp_path / "exports").glob("vae-*/safetensors/weights.safetensors"))


@pytest.mark.slow
def test_its_evaluation_is_written_into_a_copy(vae, tmp_path):
    folder = Path(run_folder("pretrained:vae"))
    assert folder.parent == tmp_path / "cache" / "pretrained"
    assert folder == Path(run_folder("pretrained:vae"))
    assert {path.name for path in folder.iterdir()} == {path.name for path in vae.iterdir()}
    assert json.loads((folder / "evaluation.json").read_text())["checkpoint"] == "best.ckpt"
    assert type(package.load("pretrained:vae")).__name__ == "VAE"


@pytest.mark.slow
def test_without_a_cache_the_installed_one_is_read(vae, tmp_path):
    (tmp_path / "cache").touch()
    assert run_folder("pretrained:vae") == str(vae)


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path, monkeypatch):
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "card.json").touch()
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path)
    with pytest.raises(RunError, match=r"pretrained:vea: did you mean vae\? Allowed: vae"):
        run_folder("pretrained:vea")


@pytest.mark.slow
def test_the_script_goes_on_where_it_was(shipped):
    summary = shipped / "runs" / "vae" / "summary.json"
    before = json.loads(summary.read_text())
    summary.write_text(json.dumps({**before, "status": "interrupted"}))
    code, _, err = pretrain(shipped, *QUICK)
    assert code == 0, err
    assert json.loads(summary.read_text())["started"] == before["started"]
    assert json.loads(summary.read_text())["status"] == "finished"


def test_what_is_shipped_is_small():
    there = Path(package.__file__).parent / "pretrained"
    assert sum(path.stat().st_size for path in there.rglob("*") if path.is_file()) <= 6_000_000


@pytest.mark.parametrize("name", pretrained.pretrained_names())
def test_what_is_shipped_loads_without_data_and_its_card_says_what_it_is(name, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "cache_folder", lambda: tmp_path)
    model = package.load(f"pretrained:{name}")
    card = json.loads((pretrained.SHIPPED / name / "card.json").read_text())
    assert card["model"] == type(model).__name__
    assert card["data"]["licence"] and card["metrics"] and card["trained"]["epochs"]
    assert model.decode(model.encode(torch.zeros(2, 1, 28, 28))).shape == (2, 1, 28, 28)


def test_two_presets_are_shipped():
    assert pretrained.pretrained_names() == ["autoencoder", "vae"]
