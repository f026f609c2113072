"""`genlab interpolate`: the ways between latent points, by the same rule as the training's picture."""

import shutil

import pytest
import torch
from conftest import cells

from genlab.runs.reload import load


@pytest.mark.parametrize("model", ["vae", "autoencoder", "flow"])
def test_the_ways_lead_from_the_first_test_images_to_the_next(model, runs, genlab, tmp_path, test_images):
    result = genlab("interpolate", runs[model], "--rows", 3, "--columns", 5)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("interpolation.png: 3 paths of 5 points, ")
    drawn = cells(tmp_path / "interpolation.png")
    assert drawn.shape[:2] == (3, 5)
    with torch.no_grad():
        network = load(runs[model])
        ends = network.decode(network.encode(test_images[:6].unsqueeze(1) / 255))
    ends = (ends * 255 + 0.5).to(torch.uint8).view(2, 3, 28, 28)
    # one grey level: a batch of other size may be added up in another order
    assert (drawn[:, [0, -1]].transpose(0, 1).int() - ends.int()).abs().max() <= 1
    assert not torch.equal(drawn[:, 0], drawn[:, 2])


def test_the_ends_of_a_flow_are_the_images_themselves(runs, genlab, tmp_path, test_images):
    genlab("interpolate", runs["flow"], "--rows", 2, "--columns", 2)
    drawn = cells(tmp_path / "interpolation.png")
    assert torch.equal(drawn.transpose(0, 1).flatten(0, 1), test_images[:4])


def test_without_an_encoder_they_are_those_of_the_training_and_need_no_data(runs, genlab, tmp_path):
    run = tmp_path / "moved"
    shutil.copytree(runs["gan"], run)
    config = (run / "config.yaml").read_text()
    root = next(line for line in config.splitlines() if line.startswith("  root:"))
    (run / "config.yaml").write_text(config.replace(root, "  root: /gone"))
    assert genlab("interpolate", run, "--checkpoint", "last").code == 0
    drawn = runs["gan"] / "images" / "interpolation" / "epoch_0001.png"
    assert (tmp_path / "interpolation.png").read_bytes() == drawn.read_bytes()


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_a_seed_chooses_the_ends(model, runs, genlab, tmp_path):
    for name, seed in [("a.png", 1), ("b.png", 1), ("c.png", 2)]:
        genlab("interpolate", runs[model], "--rows", 2, "--columns", 3, "--seed", seed, "--out", name)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b
    assert a != c


def test_a_model_without_latents_says_so(runs, genlab, tmp_path, monkeypatch):
    monkeypatch.delattr("genlab.models.gan.GAN.decode")
    result = genlab("interpolate", runs["gan"])
    assert (result.code, result.err) == (
        1,
        "error: GAN has no latent space to walk through; try genlab sample\n",
    )
