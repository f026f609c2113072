"""A run says which images it was trained on, and goes on with no others."""

import gzip
import json
import shutil

import pytest
from conftest import draw_shapes, stand_in_config, write_idx

from genlab.data.catalogue import FILES
from genlab.training.train import train

SETTINGS = [
    "callbacks=search",
    "logger=none",
    "trainer.max_epochs=1",
    "data.batch_size=40",
    "callbacks.test_nll.samples=2",
]


def fill(root, n_train=60, n_test=20, seed=0):
    root.mkdir()
    for values, file in zip([*draw_shapes(n_train, seed), *draw_shapes(n_test, seed + 1)], FILES, strict=True):
        write_idx(root / file, values)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on files directly in its data.root."""
    folder = tmp_path_factory.mktemp("trained")
    train(stand_in_config(fill(folder / "own"), folder, "model.hidden_dims=[8]", "model.latent_dim=2", *SETTINGS))
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, which names data in `tmp_path / "own"`."""
    shutil.copytree(trained / "own", tmp_path / "own")
    shutil.copytree(trained / "run", tmp_path / "run")
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace(str(trained / "own"), str(tmp_path / "own")))
    return tmp_path / "run"


def test_the_summary_has_the_images_and_how_many_were_seen(trained):
    summary = json.loads((trained / "run" / "summary.json").read_text())
    fingerprint = summary["images"].pop("fingerprint")
    assert summary["images"] == {"train": 55, "validation": 5, "test": 20}
    assert len(fingerprint) == 16 and int(fingerprint, 16)
    assert summary["training_images"] == 55  # in two batches of 40 at most
    assert summary["protocol"]["test/nll"].endswith("first 20 test images")


def test_the_first_lines_say_how_many_images_and_from_where(tmp_path, capsys):
    root = fill(tmp_path / "own")
    train(stand_in_config(root, tmp_path, "model.hidden_dims=[8]", "model.latent_dim=2", *SETTINGS))
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert " on mnist, " in first
    assert second == f"images       55 train, 5 validation, 20 test, from {root}"


def test_nothing_is_trained_or_written_where_files_are_missing(tmp_path, genlab):
    root = fill(tmp_path / "own")
    for file in FILES[2:]:
        (root / file).unlink()
    result = genlab("train", f"data.root={root}", f"outputs={tmp_path / 'outputs'}", *SETTINGS)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert f"{FILES[0]}, {FILES[1]} found, {FILES[2]}, {FILES[3]} missing" in result.err
    assert {path.name for path in tmp_path.rglob("*")} == {"own", *FILES[:2]}


COMMANDS = [
    ["resume", "trainer.max_epochs=2"],
    ["evaluate", "--likelihood-images=4", "--importance-samples=2", "--prior-samples=2", "--samples=100"],
    ["reconstruct", "-n2"],
    ["interpolate", "--rows=2"],
    ["sample", "--components=2"],
]
names = pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@names
def test_other_images_are_refused_in_one_line(command, run, genlab, tmp_path):
    other, before = fill(tmp_path / "other", seed=2), files(run)
    result = genlab(command[0], run, f"data.root={other}", *command[1:])
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert f"{other}: its images or labels are others than those that the run was trained on" in result.err
    assert files(run) == before


@names
def test_test_files_that_are_gone_are_not_made_up(command, run, genlab, tmp_path):
    for file in FILES[2:]:
        (tmp_path / "own" / file).unlink()
    result = genlab(command[0], run, *command[1:])
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert f"{FILES[2]}, {FILES[3]} missing" in result.err
    assert len(list((tmp_path / "own").iterdir())) == 2


@names
def test_the_same_images_elsewhere_and_packed_are_accepted(command, run, genlab, tmp_path):
    moved = (tmp_path / "own").rename(tmp_path / "moved")
    for file in FILES:
        (moved / f"{file}.gz").write_bytes(gzip.compress((moved / file).read_bytes()))
        (moved / file).unlink()
    result = genlab(command[0], run, f"data.root={moved}", *command[1:])
    assert (result.code, result.err) == (0, "")


@names
def test_a_run_from_before_there_were_fingerprints_is_accepted(command, run, genlab):
    summary = json.loads((run / "summary.json").read_text())
    del summary["images"]
    (run / "summary.json").write_text(json.dumps(summary))
    result = genlab(command[0], run, *command[1:])
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    ("command", "drawn"),
    [("reconstruct", "10 test images {} above their reconstructions"), ("interpolate", "5 paths of 10 points {}")],
)
def test_without_a_number_a_picture_takes_fewer_images_where_there_are_fewer(command, drawn, run, genlab, tmp_path):
    for values, file in zip(draw_shapes(10, 1), FILES[2:], strict=True):
        write_idx(tmp_path / "own" / file, values)
    summary = json.loads((run / "summary.json").read_text())
    del summary["images"]  # which are not these
    (run / "summary.json").write_text(json.dumps(summary))
    result = genlab(command, run, "--out", "picture.png")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"picture.png: {drawn.format('(there are only 10 test images)')}, VAE of ")
