"""Classes are asked for: --label, --grid, and the words where there are none."""

import json

import pytest
import torch
from cli.test_sample import as_written, pixels
from conftest import cells

from genlab.pictures.grids import square_grid
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import open_run
from genlab.runs.reload import load, load_data


def test_a_label_is_asked_for(labelled, genlab, tmp_path):
    result = genlab("sample", labelled, "--label", 7, "-n", 9, "--seed", 2)
    assert result.out.startswith("samples.png: 9 samples of class 7, seed 2, VAE of ")
    with torch.no_grad():
        samples = load(labelled).sample(9, torch.Generator().manual_seed(2), labels=torch.full((9,), 7))
    assert torch.equal(pixels(tmp_path / "samples.png"), as_written(square_grid(samples)))
    genlab("sample", labelled, "--label", 3, "-n", 9, "--seed", 2, "--out", "other.png")
    assert (tmp_path / "other.png").read_bytes() != (tmp_path / "samples.png").read_bytes()


def test_a_grid_is_the_picture_that_training_draws(labelled, genlab, tmp_path):
    result = genlab("sample", labelled, "--grid", "--checkpoint", "last")
    assert result.out.startswith("samples.png: 10 samples of each of 10 classes, seed 0, VAE of ")
    drawn = labelled / "images" / "samples_by_class" / "epoch_0001.png"
    assert (tmp_path / "samples.png").read_bytes() == drawn.read_bytes()
    assert (labelled / "images" / "analogies" / "epoch_0001.png").exists()


def test_without_a_label_all_come(labelled, genlab, tmp_path):
    assert genlab("sample", labelled, "-n", 16).code == 0
    with torch.no_grad():
        samples = load(labelled).sample(16, torch.Generator().manual_seed(0))
    assert torch.equal(pixels(tmp_path / "samples.png"), as_written(square_grid(samples)))


def test_ways_at_a_label_and_across_labels(labelled, genlab, tmp_path):
    one = genlab("interpolate", labelled, "--rows", 2, "--columns", 3, "--label", 4)
    assert one.out.startswith("interpolation.png: 2 paths of 3 points of class 4, ")
    genlab("interpolate", labelled, "--rows", 2, "--columns", 3, "--out", "across.png")
    model, test_set = load(labelled), load_data(open_run(labelled, MODEL_SECTIONS)).test_set
    images, labels = test_set.__getitems__([0, 1, 2, 3])
    with torch.no_grad():
        z = model.encode(images, labels)
        ends = [as_written(model.decode(z, told))[:, 0] for told in (torch.full((4,), 4), labels)]
    for name, expected in zip(("interpolation.png", "across.png"), ends, strict=True):
        drawn = cells(tmp_path / name)
        found = torch.cat([drawn[:, 0], drawn[:, -1]])
        # one grey level: a batch of other size may be added up in another order
        assert (found.int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["sample", "--label", 10], "error: --label: 10: should be a whole number from 0 to 9"),
        (["sample", "--label", -1], "error: Invalid value for '--label': -1 is not in the range 0<=x<="),
        (["sample", "--label", "seven"], "error: Invalid value for '--label': 'seven' is not a valid integer"),
        (["sample", "--label", 3, "--grid"], "error: --grid: it has a row for each class; leave --label out"),
        (["sample", "--components", 2], "error: the codes of a conditional model depend on the label"),
        (["interpolate", "--label", 10], "error: --label: 10: should be a whole number from 0 to 9"),
        (["evaluate", "--ex-post", 2], "error: ex_post: the codes of a conditional model depend on the label"),
    ],
)
def test_what_cannot_be_asked_is_answered_in_one_line(command, answer, labelled, genlab, tmp_path):
    result = genlab(command[0], labelled, *command[1:])
    assert (result.code in (1, 2), result.out, result.err.count("\n")) == (True, "", 1)
    assert result.err.startswith(answer)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "command", "option"),
    [
        ("vae", ["sample", "--label", 3], "--label"),
        ("gan", ["sample", "--grid"], "--grid"),
        ("autoencoder", ["interpolate", "--label", 3], "--label"),
    ],
)
def test_a_run_without_labels_says_so(model, command, option, runs, genlab, tmp_path):
    result = genlab(command[0], runs[model], *command[1:])
    name = {"vae": "VAE", "gan": "GAN", "autoencoder": "Autoencoder"}[model]
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: {option}: this {name} was trained without labels; train one with model.conditional=true\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_run_itself_says_that_labels_were_summed_over(labelled, runs):
    told, untold = (json.loads((run / "summary.json").read_text()) for run in (labelled, runs["vae"]))
    assert "log of the sum over 10 labels" in told["estimators"]["test/nll"]
    assert told["metrics"]["test/nll"] > 0
    assert untold["estimators"]["test/nll"] == "upper bound: log-mean-exp of 2 importance samples"
    assert not {"samples_by_class", "analogies"} & {path.name for path in (runs["vae"] / "images").iterdir()}


def test_labels_are_evaluated(labelled, genlab, tmp_path):
    few = ["--samples", 100, "--images", 100, "--likelihood-images", 40, "--importance-samples", 20]
    result = genlab("evaluate", labelled, *few, "--prior-samples", 10)
    assert result.code == 0
    found = json.loads((labelled / "evaluation.json").read_text())
    scores = found["scores"]
    assert {"label_accuracy", "label_accuracy_second", "generative_accuracy", "nll", "nll_given_label"} <= set(scores)
    assert scores["generative_accuracy"]["estimator"] == "estimate: log-mean-exp of 2 importance samples"
    assert scores["label_accuracy_second"]["estimator"].startswith("classifier: second MNIST classifier, SHA-256 ")
    assert found["by_class"].keys() == {"label_accuracy", "label_accuracy_second", "fid_mnist", "coverage"}
    assert sum(map(sum, found["confusion"]["label_accuracy"])) == 100
    assert "label_accuracy by class   0: " in result.out
    # the stand-in's classes are places, which an epoch of 540 images is enough for
    assert scores["generative_accuracy"]["value"] > 0.5
    genlab("report", labelled)
    page = (tmp_path / "report.html").read_text()
    assert "Asked and drawn: label_accuracy" in page and "fid_mnist by class" in page
    assert "A row for each class, one noise a column" in page
