"""`genlab sample`: one seed is one picture, and it is the model's."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from genlab.capabilities import sampling_options
from genlab.pictures.grids import square_grid
from genlab.runs.reload import load

PRIOR = {"vae": [], "gan": [], "flow": [], "flow_matching": [], "autoencoder": ["--components", 2]}


def pixels(path):
    return pil_to_tensor(Image.open(path))


def as_written(picture):
    """As save_image rounds: (3, H, W) in [0, 1] → uint8."""
    return (picture * 255 + 0.5).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("model", PRIOR)
def test_one_seed_is_one_picture_to_the_bit(model, runs, genlab, tmp_path):
    for name, seed, state in [("a.png", 3, 1), ("b.png", 3, 2), ("c.png", 4, 1)]:
        torch.manual_seed(state)  # whatever the process has drawn before
        assert genlab("sample", runs[model], *PRIOR[model], "-n", 9, "--seed", seed, "--out", name).code == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b
    assert a != c


@pytest.mark.slow
def test_another_process_draws_the_same(runs, genlab, tmp_path):
    genlab("sample", runs["vae"], "--seed", 1, "--out", "here.png")
    command = [str(Path(sys.executable).with_name("genlab")), "sample", str(runs["vae"]), "--seed", "1"]
    result = subprocess.run([*command, "-n", "64"], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith("samples.png: 64 samples, seed 1, VAE of ")
    assert (tmp_path / "samples.png").read_bytes() == (tmp_path / "here.png").read_bytes()


@pytest.mark.parametrize("model", ["vae", "gan", "flow", "flow_matching"])
def test_seed_0_of_the_last_weights_is_the_last_picture_of_the_training(model, runs, genlab, tmp_path):
    assert genlab("sample", runs[model], "--checkpoint", "last").code == 0
    last = runs[model] / "images" / "samples" / "epoch_0001.png"
    assert (tmp_path / "samples.png").read_bytes() == last.read_bytes()


def test_a_mixture_is_the_one_that_the_training_has_drawn(runs, genlab, tmp_path):
    result = genlab("sample", runs["autoencoder"], "--components", 2)
    assert "64 samples of 2 Gaussians fitted to codes, seed 0" in result.out
    drawn = runs["autoencoder"] / "images" / "ex_post_samples" / "epoch_0001.png"
    assert (tmp_path / "samples.png").read_bytes() == drawn.read_bytes()


def test_the_picture_shows_what_the_loaded_model_samples(runs, genlab, tmp_path):
    genlab("sample", runs["vae"], "-n", 6, "--seed", 5)
    with torch.no_grad():
        samples = load(runs["vae"]).sample(6, torch.Generator().manual_seed(5))
    assert torch.equal(pixels(tmp_path / "samples.png"), as_written(square_grid(samples)))


def test_a_flow_has_a_temperature(runs, genlab, tmp_path):
    assert genlab("sample", runs["flow"], "-n", 4, "--temperature", 0.5).code == 0
    with torch.no_grad():
        samples = load(runs["flow"]).sample(4, torch.Generator().manual_seed(0), temperature=0.5)
    assert torch.equal(pixels(tmp_path / "samples.png"), as_written(square_grid(samples)))


def test_an_argument_of_sample_is_an_option(runs, genlab, tmp_path):
    result = genlab("sample", runs["flow_matching"], "--steps", 3, "-n", 4, "--solver=euler")
    assert result.out.startswith("samples.png: 4 samples, steps 3, solver euler, seed 0, FlowMatching of ")
    with torch.no_grad():
        samples = load(runs["flow_matching"]).sample(4, torch.Generator().manual_seed(0), steps=3, solver="euler")
    assert torch.equal(pixels(tmp_path / "samples.png"), as_written(square_grid(samples)))


def test_the_type_of_an_option_is_that_of_its_default():
    def sample(n, generator=None, sharpness=2, smooth: "bool" = True, *, style: str = "bold"):
        raise NotImplementedError

    assert sampling_options(sample) == {"sharpness": int, "smooth": bool, "style": str}


def test_a_vae_can_be_sampled_by_its_codes_instead_of_its_prior(runs, genlab, tmp_path):
    genlab("sample", runs["vae"], "--out", "prior.png")
    assert genlab("sample", runs["vae"], "--components", 1, "--out", "codes.png").code == 0
    assert (tmp_path / "prior.png").read_bytes() != (tmp_path / "codes.png").read_bytes()


def test_more_than_one_batch_of_images(runs, genlab, tmp_path):
    assert genlab("sample", runs["vae"], "-n", 1100).code == 0
    cells = pixels(tmp_path / "samples.png")[0, 2:, 2:].unfold(0, 56, 58).unfold(1, 56, 58).flatten(0, 1)
    assert len(cells) == 34 * 33
    assert (cells.flatten(1).float().std(1) > 0).sum() == 1100  # the other cells are empty
    assert len(cells[:1100].flatten(1).unique(dim=0)) == 1100


@pytest.mark.parametrize(
    ("model", "option", "code", "answer"),
    [
        ("autoencoder", [], 1, "error: Autoencoder has no prior to draw samples from; with --components 10 "),
        ("gan", ["--components", 2], 2, "error: --components: GAN has no codes "),
        ("vae", ["--components", 700], 2, "error: --components=700: there are 550 training images"),
        ("flow", ["--temperature", 0], 2, "error: --temperature: 0: should be greater than 0"),
        ("flow", ["--temperature=nan"], 2, "error: --temperature: nan: should be "),
        ("flow", ["--temperature", "hot"], 2, "error: --temperature: hot: should be a valid number"),
        ("flow", ["--temperature"], 2, "error: Option '--temperature' requires an argument; see genlab sample --help"),
        ("flow", ["--steps", 4], 2, "error: --steps: Flow has none; options of its samples: --temperature"),
        ("flow_matching", ["--steps", 0], 2, "error: --steps: 0: should be greater than or equal to 1"),
        ("flow_matching", ["--steps", 2.5], 2, "error: --steps: 2.5: should be a valid integer"),
        (
            "flow_matching",
            ["--solver", "runge"],
            2,
            "error: --solver: runge: should be 'euler', 'midpoint', 'heun' or ",
        ),
        ("flow", ["-n", 0], 2, "error: Invalid value for '-n': 0 is not in the range 1<=x<=10000; "),
        ("vae", ["--temperature", 0.7], 2, "error: --temperature: VAE has none; options of its samples: none"),
        ("autoencoder", ["--components", 2, "--temperature", 0.7], 2, "error: --temperature: Autoencoder has none"),
    ],
)
def test_what_a_model_cannot_is_answered_in_one_line(model, option, code, answer, runs, genlab, tmp_path):
    result = genlab("sample", runs[model], *option)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert result.err.startswith(answer)
    assert list(tmp_path.iterdir()) == []
