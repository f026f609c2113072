"""The fewest images that are accepted are enough for all that a run does, and the numbers say how few they were."""

import json

import pytest
from conftest import draw_shapes, stand_in_config, write_idx

from genlab.data.catalogue import FILES
from genlab.training.train import train

QUICK = ["trainer.max_epochs=1", "logger=none", "evaluate=true", "evaluate_every=1", "callbacks.sample_quality.n=20"]
QUICK += ["callbacks.manifold.size=2", "callbacks.test_nll.samples=2", "callbacks.ex_post_samples.components=10"]
QUICK += ["evaluation.samples=100", "evaluation.importance_samples=2", "evaluation.prior_samples=4"]
TINY = {
    "vae": ["model.hidden_dims=[8]", "model.latent_dim=2"],
    "autoencoder": ["model.hidden_dims=[8]", "model.latent_dim=2"],
    "gan": ["model.latent_dim=8"],
    "flow_matching": ["model.channels=[4,4]", "evaluation.steps=[1]", "callbacks.traversals.rows=1"],
    "flow": ["model.steps=1", "model.channels=[4,4]", "model.dequantization=uniform"],
}


@pytest.mark.parametrize("model", TINY)
def test_twelve_training_and_two_test_images_are_enough_for_every_family(model, tmp_path, capsys):
    root = tmp_path / "own"
    root.mkdir()
    for values, file in zip([*draw_shapes(12, 0), *draw_shapes(2, 1)], FILES, strict=True):
        write_idx(root / file, values)
    train(stand_in_config(root, tmp_path, f"model={model}", *QUICK, *TINY[model]))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["training_images"] == 10
    assert all(value is not None for value in summary["metrics"].values())
    if model == "vae":
        assert summary["protocol"]["test/nll"].endswith("; first 2 test images")
    score = json.loads((tmp_path / "run" / "evaluation.json").read_text())["scores"]["precision"]
    assert 0 <= score["value"] <= 1
    assert score["protocol"].endswith("against 2 test images; floor of 10 training images; neighbours: 1 at most")
    assert (tmp_path / "run" / "images").is_dir()
