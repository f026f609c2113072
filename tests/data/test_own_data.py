"""The user's images reach the model by themselves, and a run on them is a run as any other."""

import json
import sys

import numpy as np
import pytest
import torch
from conftest import stand_in_config
from PIL import Image

import genlab
from genlab.cli.main import main
from genlab.data.sources import LOCK
from genlab.errors import ConfigError, DataError
from genlab.models.flow import Flow
from genlab.networks import image_decoder, image_encoder
from genlab.networks.discriminators import image_discriminator
from genlab.networks.generators import image_generator
from genlab.runs.reading import open_run
from genlab.runs.reload import load_data
from genlab.training.train import build, train

QUICK = ["trainer.max_epochs=1", "logger=none", "callbacks.test_nll.samples=2", "callbacks.test_nll.images=4"]
QUICK += ["callbacks.manifold.size=2", "data.batch_size=20", "evaluate=true", "evaluation.importance_samples=2"]
QUICK += [
    "evaluation.samples=100",
    "evaluation.images=100",
    "evaluation.prior_samples=4",
    "evaluation.likelihood_images=4",
    "evaluation.dequantization_samples=1",
]
VAE = ["model.hidden_dims=[8]", "model.latent_dim=2"]


@pytest.fixture
def colour(tmp_path):
    """Random 3×32×32 images in Keras' names."""
    draw = np.random.default_rng(0)
    parts = {"train": 24, "test": 6}
    images = {f"x_{name}": draw.integers(0, 256, (n, 32, 32, 3), np.uint8) for name, n in parts.items()}
    np.savez(tmp_path / "own.npz", **images, **{f"y_{name}": np.arange(n) % 3 for name, n in parts.items()})
    return tmp_path / "own.npz"


def trained(root, folder, *overrides):
    train(stand_in_config(root, folder, *QUICK, *overrides))
    return folder / "run"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_vae_of_colour_images(colour, tmp_path, monkeypatch):
    folder = trained(colour, tmp_path, "data=arrays", *VAE)
    summary = read(folder / "summary.json")
    assert (summary["status"], summary["data"]) == ("finished", "arrays")
    assert read(folder / "split.json")["classes"] == ["0", "1", "2"]
    assert len(read(folder / "split.json")["train"]["x_train"]) == summary["images"]["train"] == 22
    evaluation = read(folder / "evaluation.json")
    assert evaluation["scores"]["nll"]["value"] > 0
    assert "genlab features data=arrays" in evaluation["absent"][f"fid_{load_data(open_run(folder)).space}"]
    colour.rename(tmp_path / "elsewhere.npz")
    assert genlab.load(folder).sample(2).shape == (2, 3, 32, 32)  # without the data
    (tmp_path / "elsewhere.npz").rename(colour)
    monkeypatch.setattr(sys, "argv", ["genlab", "reconstruct", str(folder), "-n2", f"--out={tmp_path / 'two.png'}"])
    monkeypatch.setattr("genlab.cli.picture.keep_quiet", lambda: None)  # other tests look at the log
    main()
    picture = np.asarray(Image.open(tmp_path / "two.png"))
    assert (picture[..., 0] != picture[..., 1]).any()  # in colour
    with Image.open(folder / "images" / "samples.gif") as animation:
        frame = np.asarray(animation.convert("RGB"))
    assert (frame[..., 0] != frame[..., 1]).any()


def test_a_convolutional_gan_of_colour_images(colour, tmp_path):
    folder = trained(colour, tmp_path, "data=arrays", "model=gan", "model.architecture=convolutional")
    assert genlab.load(folder).sample(2).shape == (2, 3, 32, 32)
    assert (folder / "images" / "samples" / "epoch_0001.png").exists()


def test_a_flow_of_8_by_8_digits(tmp_path):
    overrides = ["data=digits", "model=flow", "model.steps=1", "model.channels=[4,4]"]
    folder = trained("null", tmp_path, *overrides, "+trainer.limit_train_batches=3")
    assert read(folder / "evaluation.json")["scores"]["bits_per_dim"]["value"] > 0
    assert genlab.load(folder).sample(2).shape == (2, 1, 8, 8)
    assert load_data(open_run(folder)).images == read(folder / "summary.json")["images"]


def test_the_shape_is_written_into_the_config(compose_config, colour):
    cfg = compose_config("data=arrays", f"data.root={colour}", *VAE)
    build(cfg)
    assert cfg.model.image_shape == [3, 32, 32]
    cfg = compose_config(*VAE)
    build(cfg)
    assert cfg.model.image_shape == [1, 28, 28]


def test_the_best_is_chosen_in_the_space_of_the_data(compose_config, colour):
    cfg = compose_config("data=arrays", f"data.root={colour}", "model=gan")
    experiment = build(cfg)
    name = f"val/fid_{experiment.data.space}"
    assert name.startswith("val/fid_arrays_")
    assert experiment.checkpoints.monitor == cfg.callbacks.checkpoints.monitor == name
    assert build(compose_config("model=gan")).checkpoints.monitor == "val/fid_mnist"
    older = compose_config("data=arrays", f"data.root={colour}", "callbacks.checkpoints.monitor=val/fid_mnist")
    with pytest.raises(ConfigError, match=f"nothing measures it; did you mean {name}"):
        build(older)
    assert build(older, purge_step=0).checkpoints.monitor == name  # of a resumed run, which an older genlab began


def test_a_shape_may_be_typed_if_it_is_that_of_the_images(compose_config, colour):
    build(compose_config("data=arrays", f"data.root={colour}", "+model.image_shape=[3,32,32]", *VAE))
    with pytest.raises(ConfigError, match=r"model.image_shape=\[3, 32, 32\]: the images of data=mnist have \[1, 28"):
        build(compose_config("+model.image_shape=[3,32,32]", *VAE))
    with pytest.raises(ConfigError, match=r"model.image_shape"):
        build(compose_config("+model.image_shape=32", *VAE))


def put_pictures(folder, n=20, size=(8, 8), mode="L", name="{}.png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(n):
        Image.new(mode, size, index if mode in ("L", "I;16") else None).save(folder / name.format(index))


def animate(path):
    Image.new("L", (8, 8)).save(path, save_all=True, append_images=[Image.new("L", (8, 8), 9)])


def save(path, **arrays):
    np.savez(path.with_suffix(".npz"), **arrays)


IMAGES = np.zeros((20, 8, 8), np.uint8)
# data= → what is put at the root, and a part of the answer
UNFIT = {
    "16 bits": ("folder", lambda root: put_pictures(root, mode="I;16"), "16 bits a colour"),
    "CMYK": ("folder", lambda root: put_pictures(root, mode="CMYK", name="{}.jpg"), "CMYK pixels"),
    "animated": ("folder", lambda root: (put_pictures(root), animate(root / "moving.webp")), "moving.webp (animated)"),
    "mixed sizes": ("folder", lambda root: (put_pictures(root), put_pictures(root, 1, (9, 9), name="z.png")), "9×9"),
    "empty": ("folder", lambda root: root.mkdir(), "no images in it"),
    "one image": ("folder", lambda root: put_pictures(root, 1), "1 image; there must be 14 at least"),
    "a file": ("folder", lambda root: root.write_text(""), "a file, no folder"),
    "labels only": ("folder", lambda root: (root.mkdir(), (root / "labels.csv").write_text("3")), "labels.csv (no PNG"),
    "a folder": ("arrays", lambda root: root.mkdir(), "no file that can be read"),
    "labels without images": ("arrays", lambda root: save(root, y_train=IMAGES[:, 0, 0]), "y_train, but no x_train"),
    "pickled": ("arrays", lambda root: save(root, images=np.array([{}] * 20)), "so it is not opened (Object arrays"),
    "16-bit array": ("arrays", lambda root: save(root, images=IMAGES.astype(np.uint16)), "uint16 values"),
    "one array": ("arrays", lambda root: save(root, images=IMAGES[:1]), "1 image; there must be 14 at least"),
    "no arrays": ("arrays", lambda root: save(root), "has nothing in it"),
    "IDX folder": ("mnist", lambda root: root.mkdir(), "an empty folder"),
    "CIFAR file": ("cifar10", lambda root: root.write_text(""), "a file, no folder"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_images_that_do_not_fit_are_told_in_one_line_and_leave_nothing(what, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name, put, expected = UNFIT[what]
    put(tmp_path / "own")
    root = tmp_path / ("own.npz" if (tmp_path / "own.npz").exists() else "own")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError) as error:
        train(stand_in_config(root, tmp_path, f"data={name}", *QUICK))
    assert expected in str(error.value) and str(root) in str(error.value) and "\n" not in str(error.value)
    cache = {tmp_path / "cache" / name for name in ("", "genlab", "genlab/folders", f"genlab/folders/{LOCK}")}
    assert set(tmp_path.rglob("*")) - cache == set(before)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 12, 64), (3, 64, 64)])
@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_networks_fit_images_of_any_side(architecture, shape):
    images = torch.rand(2, *shape)
    assert image_encoder(architecture, shape, [5], 4)(images).shape == (2, 4)
    assert image_decoder(architecture, shape, [5], 3)(torch.rand(2, 3)).shape == images.shape
    assert image_generator(architecture, shape, 3)(torch.rand(2, 3)).shape == images.shape
    assert image_discriminator(architecture, shape)(images).shape == (2,)
    small = {"couplings": 2, "hidden_dims": [4]} if architecture == "mlp" else {"steps": 1, "channels": [4, 4]}
    assert Flow(architecture=architecture, image_shape=shape, **small).sample(2).shape == images.shape


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (["model=vae", "model.architecture=convolutional"], "need a height and width divisible by 4, got 9x9"),
        (["model=gan", "model.architecture=convolutional"], "need a height and width divisible by 4, got 9x9"),
        (["model=flow"], "needs a height and width divisible by 4, got 9x9"),
        (["model=flow", "model.architecture=mlp"], "variational noise needs an even height and width"),
    ],
)
def test_what_does_not_fit_says_what_it_needs(compose_config, tmp_path, model, expected):
    np.savez(tmp_path / "nine.npz", images=np.zeros((20, 9, 9), np.uint8))
    with pytest.raises(ConfigError, match=expected):
        build(compose_config("data=arrays", f"data.root={tmp_path / 'nine.npz'}", *model))


def test_an_mlp_fits_an_odd_side(compose_config, tmp_path):
    np.savez(tmp_path / "nine.npz", images=np.zeros((20, 9, 9), np.uint8))
    for model in (VAE, ["model=flow", "model.architecture=mlp", "model.dequantization=uniform"]):
        experiment = build(compose_config("data=arrays", f"data.root={tmp_path / 'nine.npz'}", *model))
        assert experiment.model.sample(2).shape == (2, 1, 9, 9)
