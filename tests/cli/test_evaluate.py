"""`genlab evaluate`: the table, evaluation.json and the picture of each family."""

import json
import shutil

import pytest
from PIL import Image

FEW = ["--samples", 100, "--images", 100, "--likelihood-images", 50, "--importance-samples", 3, "--prior-samples", 50]
FEW += ["--dequantization-samples", 2]


@pytest.fixture
def evaluated(runs, genlab, tmp_path):
    """evaluated("vae", …options) → what it printed and what it wrote."""

    def run(model, *options):
        folder = tmp_path / model
        shutil.copytree(runs[model], folder)
        out = genlab("evaluate", folder, *FEW, *options)
        assert (out.code, out.err) == (0, "")
        return out.out, json.loads((folder / "evaluation.json").read_text()), folder

    return run


@pytest.mark.parametrize(
    "model, likelihood, lacking, whose",
    [
        ("vae", {"elbo", "nll", "nll_from_prior"}, "binary pixels", "own distribution"),
        ("flow", {"bits_per_dim"}, "8-bit pixels", "own distribution"),
        ("flow_matching", {"bits_per_dim"}, "8-bit pixels", "own distribution"),
        ("gan", set(), "no density", "own distribution"),
        ("autoencoder", set(), "no distribution", "a mixture of 10 Gaussians fitted to the codes"),
    ],
)
def test_each_family(model, likelihood, lacking, whose, evaluated):
    out, written, folder = evaluated(model)
    scores = written["scores"]
    assert likelihood == {"elbo", "nll", "nll_from_prior", "bits_per_dim"} & set(scores)
    assert all(lacking in reason for reason in written["absent"].values()) and written["absent"]
    assert {"fid_mnist", "kid_mnist", "precision", "recall", "density", "coverage"} <= set(scores)
    assert whose in scores["fid_mnist"]["protocol"] and "floor" in scores["fid_mnist"]
    assert sum(written["classes"]["samples"]) == sum(written["classes"]["test"]) == 100
    assert len(written["features"]["sha256"]) == 64
    assert written["checkpoint"] in ("best.ckpt", "last.ckpt")
    cost = written["cost"]
    assert cost["parameters"] > 0 and cost["training_seconds"] > 0 and cost["images_per_second"] > 0
    assert cost["samples_per_second"] == scores["samples_per_second"]["value"] > 0
    assert all(name in out for name in (*scores, "memorisation", "evaluation.json"))
    picture = Image.open(folder / written["pictures"]["closest_pairs"])
    assert picture.width > 2 * picture.height  # ten pairs, in two spaces


def test_one_seed_one_result(evaluated, genlab):
    _, first, folder = evaluated("vae", "--seed", 3)
    genlab("evaluate", folder, *FEW, "--seed", 3)
    again = json.loads((folder / "evaluation.json").read_text())
    genlab("evaluate", folder, *FEW, "--seed", 4)
    other = json.loads((folder / "evaluation.json").read_text())
    for evaluation in (first, again, other):
        del evaluation["scores"]["samples_per_second"]
    assert first["scores"] == again["scores"]
    assert first["scores"]["fid_mnist"] != other["scores"]["fid_mnist"]
    assert first["scores"]["nll"]["value"] != other["scores"]["nll"]["value"]


def test_a_quick_answer_is_labelled_and_replaces_no_full_one(evaluated, genlab):
    out, first, folder = evaluated("vae", "--quick")
    assert "quick: a first answer" in out and first["quick"] is True
    assert "copies sought in" in first["scores"]["fid_mnist"]["protocol"]
    genlab("evaluate", folder, *FEW)
    whole = (folder / "evaluation.json").read_text()
    assert "quick" not in json.loads(whole)
    again = genlab("evaluate", folder, "--quick", *FEW, "--seed", 7)
    assert "is a full evaluation, which stays" in again.out
    assert (folder / "evaluation.json").read_text() == whole


def test_ex_post_replaces_the_prior(evaluated):
    _, written, _ = evaluated("vae", "--ex-post", 2)
    assert "a mixture of 2 Gaussians" in written["scores"]["fid_mnist"]["protocol"]


def test_samples_have_options(evaluated):
    _, written, _ = evaluated("flow_matching", "--sampling", "steps=1", "--sampling", "solver=euler")
    assert "the model's own distribution, steps 1, solver euler" in written["scores"]["fid_mnist"]["protocol"]


@pytest.mark.parametrize(
    ("model", "text", "named"),
    [
        ("vae", "steps=1", "sampling.steps: VAE has none"),
        ("vae", "steps", "NAME=VALUE"),
        ("autoencoder", "steps=1", "sampling.steps: samples from codes have no options"),
    ],
)
def test_options_that_the_samples_do_not_have_are_one_line(runs, genlab, model, text, named):
    out = genlab("evaluate", runs[model], *FEW, "--sampling", text)
    assert out.code == 2 and named in out.err and out.err.count("\n") == 1
    assert not (runs[model] / "evaluation.json").exists()


def test_a_published_number_stands_beside_the_measured_one(runs, genlab, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["vae"], folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("published_nll: null", "published_nll: 86.76"))
    line = next(line for line in genlab("evaluate", folder, *FEW).out.splitlines() if line.startswith("nll "))
    assert line.endswith("upper bound, nats per image, lower is better, published: 86.76")


def test_without_codes_there_is_no_ex_post(runs, genlab):
    out = genlab("evaluate", runs["gan"], *FEW, "--ex-post", 2)
    assert out.code == 2 and "no codes" in out.err and out.err.count("\n") == 1
    assert not (runs["gan"] / "evaluation.json").exists()


@pytest.mark.parametrize("option", [["--samples", 10], ["--images", "many"], ["--checkpoint", "worst"]])
def test_wrong_options_are_refused_in_a_line(option, genlab, runs):
    out = genlab("evaluate", runs["vae"], *option)
    assert out.code == 2 and out.err.count("\n") == 1 and "genlab evaluate --help" in out.err


def test_what_is_not_given_is_as_in_the_config(runs, genlab, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["gan"], folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("  samples: 10000\n  images: 10000", "  samples: 120\n  images: 100"))
    assert "120 samples" in json.loads(_evaluated(genlab, folder))["scores"]["fid_mnist"]["protocol"]
    config.write_text(config.read_text().replace("samples: 120", "samples: many"))
    out = genlab("evaluate", folder)
    assert out.code == 1 and "evaluation.samples=many" in out.err and out.err.count("\n") == 1


def _evaluated(genlab, folder):
    assert genlab("evaluate", folder).code == 0
    return (folder / "evaluation.json").read_text()


def test_a_folder_that_is_no_run(genlab, tmp_path):
    out = genlab("evaluate", tmp_path)
    assert out.code == 1 and "no run folder" in out.err
