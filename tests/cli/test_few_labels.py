"""Commands on a run that was told few labels."""

import json

import pytest
import torch
from cli.conftest import QUICK, TINY
from conftest import stand_in_config

from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import open_run
from genlab.runs.reload import load, load_data
from genlab.training.train import train

PUBLISHED = "M2 0.1197, M1+M2 0.0333"


@pytest.fixture(scope="module")
def run(mnist_root, tmp_path_factory):
    """Do not write to it, but for what its evaluation writes."""
    outputs = tmp_path_factory.mktemp("few")
    overrides = [*QUICK, *TINY["vae"], "model.labels=50", "data.batch_size=20", "++trainer.limit_train_batches=27"]
    overrides += ["model.learning_rate=0.01", "model.classifier_weight=10", f"evaluation.published_error='{PUBLISHED}'"]
    train(stand_in_config(mnist_root, outputs, *overrides), overrides=overrides)
    return outputs / "run"


def test_the_test_error_is_measured_and_stands_beside_the_published_one(run, genlab, tmp_path):
    few = ["--samples", 100, "--images", 100, "--likelihood-images", 10, "--importance-samples", 20]
    result = genlab("evaluate", run, *few, "--prior-samples", 10)
    assert (result.code, result.err) == (0, "")
    line = next(line for line in result.out.splitlines() if line.startswith("classification_error "))
    assert line.endswith(f"exact, share of images, lower is better, published: {PUBLISHED}")
    scores = json.loads((run / "evaluation.json").read_text())["scores"]
    score = scores["classification_error"]
    assert score["protocol"] == "q(y|x), learned from 50 labels; 100 test images"
    test_set = load_data(open_run(run, MODEL_SECTIONS)).test_set
    images, labels = test_set.__getitems__(list(range(100)))
    with torch.no_grad():
        wrong = (load(run).classify(images).argmax(1) != labels).double().mean()
    assert score["value"] == pytest.approx(float(wrong))
    assert score["value"] < 0.5  # the stand-in's classes are places; by chance 0.9
    summary = json.loads((run / "summary.json").read_text())
    assert summary["metrics"]["test/classification_error"] == pytest.approx(score["value"])
    assert summary["protocol"]["test/classification_error"] == "50 labels; x drawn once for each image"
    assert {"generative_accuracy", "label_accuracy", "nll"} <= set(scores)
    assert genlab("report", run).code == 0
    page = (tmp_path / "report.html").read_text()
    assert "classification_error" in page and "share of images, lower is better" in page


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "--label", 7, "-n", 4],
        ["sample", "--grid"],
        ["interpolate", "--rows", 2, "--columns", 3, "--label", 4],
        ["reconstruct"],
        ["explore"],
        ["export", "--out", "exported"],
    ],
    ids=str,
)
def test_whatever_a_conditional_run_can_do(command, run, genlab, tmp_path):
    result = genlab(command[0], run, *command[1:])
    assert (result.code, result.err) == (0, "")
    assert list(tmp_path.iterdir())


def test_an_export_classifies_as_the_run(run, genlab, tmp_path):
    assert genlab("export", run, "--out", "exported").code == 0
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "exported").classify(images), load(run).classify(images))
