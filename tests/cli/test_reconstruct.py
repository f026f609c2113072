"""`genlab reconstruct`: test images above what the model makes of them."""

import pytest
import torch
from conftest import cells

from genlab.runs.reload import load


def reconstructions(folder, images):
    with torch.no_grad():
        return (load(folder).reconstruct(images.unsqueeze(1) / 255) * 255 + 0.5).to(torch.uint8)[:, 0]


@pytest.mark.parametrize("model", ["vae", "autoencoder"])
def test_the_first_test_images_stand_above_their_reconstructions(model, runs, genlab, tmp_path, test_images):
    result = genlab("reconstruct", runs[model], "-n", 16)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("reconstructions.png: 16 test images above their reconstructions, ")
    drawn = cells(tmp_path / "reconstructions.png")
    assert torch.equal(drawn[::2].flatten(0, 1), test_images[:16])
    assert torch.equal(drawn[1::2].flatten(0, 1), reconstructions(runs[model], test_images[:16]))


def test_any_number_of_images_can_be_drawn(runs, genlab, tmp_path, test_images):
    genlab("reconstruct", runs["vae"], "-n", 3, "--out", "three.png")
    assert torch.equal(cells(tmp_path / "three.png")[0], test_images[:3])
    genlab("reconstruct", runs["vae"], "-n", 11)
    drawn = cells(tmp_path / "reconstructions.png")
    assert torch.equal(drawn[::2].flatten(0, 1)[:11], test_images[:11])
    assert torch.equal(drawn[3, :3], reconstructions(runs["vae"], test_images[:11])[8:])
    assert drawn[2:, 3:].unique().tolist() == [64]  # nothing but grey


def test_a_seed_chooses_the_images(runs, genlab, tmp_path, test_images):
    for seed in (1, 1, 2):
        assert genlab("reconstruct", runs["vae"], "-n", 100, "--seed", seed, "--out", f"{seed}.png").code == 0
    one, two = (cells(tmp_path / f"{seed}.png")[::2].flatten(0, 1)[:100].flatten(1) for seed in (1, 2))
    assert not torch.equal(one, two)
    # all of them, each once
    assert torch.equal(one.unique(dim=0), test_images.flatten(1).unique(dim=0))
    assert torch.equal(one.unique(dim=0), two.unique(dim=0))


@pytest.mark.parametrize("model", ["GAN", "Flow"])
def test_a_model_that_cannot_says_so(model, runs, genlab, tmp_path):
    result = genlab("reconstruct", runs[model.lower()])
    assert (result.code, result.out) == (1, "")
    answer = f"error: {model} reconstructs no images; VAE and Autoencoder do. Try genlab sample or genlab interpolate\n"
    assert result.err == answer
    assert list(tmp_path.iterdir()) == []


def test_more_images_than_there_are_is_answered(runs, genlab, tmp_path):
    result = genlab("reconstruct", runs["vae"], "-n", 101)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "have 100 test images, and 101 are asked for" in result.err
    assert list(tmp_path.iterdir()) == []
