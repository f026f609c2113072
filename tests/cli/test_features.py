"""`genlab features`: one network for each data set, which evaluation, training and the best checkpoint use."""

import json
import shutil

import numpy as np
import pytest
from conftest import stand_in_config

from genlab.data.datamodule import ImageDataModule
from genlab.data.sources import cache_folder
from genlab.evaluation.feature_network import SECOND_WEIGHTS, WEIGHTS, FeatureNetwork, mnist_network, space_of
from genlab.training.train import train

QUICK = ["trainer.max_epochs=2", "logger=none", "callbacks=search", "callbacks.sample_quality.n=60", "evaluate=true"]
QUICK += ["evaluation.samples=100", "evaluation.images=100", "data.batch_size=100"]
GAN = ["model=gan", "model.latent_dim=8", *QUICK]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder() / "features"


@pytest.fixture
def own(tmp_path):
    """Images without labels, with a way up: a bright line in the upper part."""
    images = np.random.default_rng(0).integers(0, 60, (160, 12, 12), np.uint8)
    images[:, 1:3] += 190
    np.savez(tmp_path / "own.npz", images=images)
    return tmp_path / "own.npz"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Where `digits` keeps what it has trained."""
    return tmp_path_factory.mktemp("trained") / "features"


@pytest.fixture
def digits(genlab, cache, trained):
    """The cache, with both networks of the digits, trained for an epoch."""
    if not trained.exists():
        assert not genlab("features", "data=digits", "--epochs", 1).code
        shutil.copytree(cache, trained)
    shutil.copytree(trained, cache, dirs_exist_ok=True)
    return cache


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_network_of_labelled_images_is_kept_and_used(genlab, cache, tmp_path):
    out = genlab("features", "data=digits", "--epochs", 3)
    assert (out.code, out.err) == (0, "")
    space = space_of(ImageDataModule("digits"))
    network = space.network
    # the second one learns more slowly, and must be better than chance
    for one, name, least in ((network, "digits-", 0.8), (space.second, "second-digits-", 0.15)):
        (kept,) = cache.glob(f"{name}*")
        assert kept.stem.endswith(one.sha256[:16]) and one.sha256[:16] in out.out
        assert least < one.test_accuracy < 1 and f"{one.test_accuracy:.2%}" in out.out
    assert type(space.second.network) is not type(network.network)

    train(stand_in_config("null", tmp_path, "data=digits", *GAN))
    summary = read(tmp_path / "run" / "summary.json")
    assert summary["best"]["metric"] == "val/fid_digits" and summary["best"]["value"] > 0
    assert f"features of the digits classifier {network.sha256[:12]}" in summary["protocol"]["val/fid_digits"]
    evaluation = read(tmp_path / "run" / "evaluation.json")
    assert evaluation["features"]["sha256"] == network.sha256
    assert evaluation["features"]["test_accuracy"] == network.test_accuracy
    scores = evaluation["scores"]
    assert scores["fid_digits"]["value"] > scores["fid_digits"]["floor"] > 0
    assert scores["classes_covered"]["unit"] == "of 10"
    assert not [name for name in scores if "mnist" in name]


def test_images_without_labels_have_one_that_tells_turns(genlab, own, tmp_path):
    out = genlab("features", "data=arrays", f"data.root={own}", "--epochs", 30)
    space = space_of(ImageDataModule("arrays", str(own)))
    assert out.code == 0 and out.out.startswith(f"fid_{space.name}: classifier of turned {space.name}, test accuracy ")
    assert space.name == f"arrays_{ImageDataModule('arrays', str(own)).images['fingerprint'][:8]}"
    assert space.second is None and "label_accuracy" not in out.out
    assert space.network.test_accuracy > 0.9 and not space.network.labelled and "near to chance" not in out.out
    train(stand_in_config(own, tmp_path, "data=arrays", *GAN))
    evaluation = read(tmp_path / "run" / "evaluation.json")
    assert evaluation["scores"][f"fid_{space.name}"]["floor"] >= 0
    assert evaluation["absent"]["class_entropy"] == "the images have no labels"
    assert "classes" not in evaluation


def test_images_that_have_no_way_up_are_told(genlab, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 8, 8), np.uint8)
    np.savez(tmp_path / "noise.npz", images=noise)
    out = genlab("features", "data=arrays", f"data.root={tmp_path / 'noise.npz'}", "--epochs", 1)
    assert out.code == 0 and "is near to chance, so distances in these features say little" in out.out


def test_without_a_network_one_line_says_how_to_make_it(own, tmp_path, caplog):
    train(stand_in_config(own, tmp_path, "data=arrays", *GAN))
    command = f"genlab features data=arrays data.root={own}"
    name = f"fid_{ImageDataModule('arrays', str(own)).space}"
    first = caplog.messages[0]
    assert first.startswith(f"no val/{name}, and no best.ckpt where that chooses it: ") and command in first
    evaluation = read(tmp_path / "run" / "evaluation.json")
    assert command in evaluation["absent"][name] and evaluation["absent"][name] == evaluation["absent"]["precision"]
    assert {"copied_share", "samples_per_second"} == set(evaluation["scores"])
    assert read(tmp_path / "run" / "summary.json")["status"] == "finished"


def test_it_is_trained_once(genlab, digits):
    before = {path: path.stat().st_mtime_ns for path in digits.iterdir()}
    out = genlab("features", "data=digits", "--epochs", 1)
    assert "there is a network already" in out.out
    assert {path: path.stat().st_mtime_ns for path in digits.iterdir()} == before


def test_what_is_missing_is_trained(genlab, digits):
    (first,) = digits.glob("digits-*")
    (second,) = digits.glob("second-digits-*")
    second.unlink()
    before = first.stat().st_mtime_ns
    space = space_of(ImageDataModule("digits"))
    assert space.network and not space.second and "genlab features data=digits does it" in space.lacking
    out = genlab("features", "data=digits", "--epochs", 1)
    assert (
        "fid_digits: there is a network already" in out.out
        and "label_accuracy_second: second digits classifier, " in out.out
    )
    assert second.exists() and first.stat().st_mtime_ns == before  # the seed is the same, and so is the file


def test_mnist_has_its_own(genlab, mnist_root, cache):
    out = genlab("features", f"data.root={mnist_root}")
    assert "there is a network already" in out.out and mnist_network().sha256[:16] in out.out
    assert not cache.exists()


def test_networks_are_trained_anew_into_a_folder(genlab, mnist_root, cache, tmp_path):
    """As those of the package were, which are there already."""
    missing = genlab("features", f"data.root={mnist_root}", "--epochs", 1, "--out", "nets")
    assert missing.code == 2 and "'--out': Directory 'nets' does not exist" in missing.err
    assert missing.err.count("\n") == 1
    (tmp_path / "nets").mkdir()
    out = genlab("features", f"data.root={mnist_root}", "--epochs", 1, "--out", "nets")
    assert out.code == 0 and "there is a network already" not in out.out
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "nets").iterdir())
    assert names == ["mnist", "second"] and not cache.exists()
    for path in (tmp_path / "nets").iterdir():
        network = FeatureNetwork(path.read_bytes())
        assert path.stem.endswith(network.sha256[:16])
        assert type(network.network) is type(
            mnist_network(SECOND_WEIGHTS if "second" in path.name else WEIGHTS).network
        )
        assert b"1 epochs on 550 training images" in path.read_bytes()


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: content[:-4] + b"mine"])
def test_a_damaged_file_is_told(genlab, digits, damage):
    kept = sorted(digits.iterdir())[0]
    kept.write_bytes(damage(kept.read_bytes()))
    out = genlab("features", "data=digits")
    assert (out.code, out.out) == (1, "")
    assert out.err == f"error: {kept}: damaged; delete it, and genlab features makes it anew\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["data=digit"], "did you mean digits?"),
        (["data=digits", "data.rot=x"], "did you mean data.root?"),
        (["data=mnist,digits"], "several values"),
        (["data=arrays"], "data.root: is missing"),
        (["data=digits", "--cfg"], "No such option"),
        (["data=digits", "--config-dir", "nowhere"], "no such folder"),
        (["data=digits", "--epochs", "0"], "0 is not in the range 1<=x<=10000"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(genlab, cache, given, expected):
    out = genlab("features", *given)
    assert out.code in (1, 2) and out.out == ""
    assert expected in out.err and out.err.count("\n") == 1
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_told(genlab, cache):
    cache.parent.mkdir(parents=True)
    cache.write_text("")
    out = genlab("features", "data=digits", "--epochs", 1)
    assert out.code == 1 and out.err.startswith(f"error: {cache}") and out.err.count("\n") == 1


def test_the_users_own_options_are_found(genlab, tmp_path):
    folder = tmp_path / "configs" / "data"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("_target_: genlab.data.datamodule.ImageDataModule\nname: digits\n")
    out = genlab("features", "data=mine", "--config-dir", tmp_path / "configs", "--epochs", 1)
    assert (out.code, out.err) == (0, "") and out.out.startswith("fid_digits: digits classifier")
