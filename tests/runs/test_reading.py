"""A run folder as others read it: its name, its summary, its checkpoints and where its data are."""

import json
import os

import pytest
from omegaconf import OmegaConf

from genlab.errors import RunError
from genlab.runs.reading import check_root, open_run, read_overrides, read_summary
from genlab.runs.record import RunRecord, save_config

SUMMARY = {"status": "finished", "seconds": 1.5, "epochs": 2, "metrics": {"test/elbo": -98.2, "test/kl": None}}


@pytest.fixture
def folder(compose_config, tmp_path):
    """A run folder without checkpoints."""
    save_config(compose_config("data=mnist"), [], tmp_path / "run")
    (tmp_path / "run" / "summary.json").write_text(json.dumps(SUMMARY))
    return tmp_path / "run"


def set_root(run, root, name="mnist"):
    OmegaConf.update(run.config, "data.root", root)
    OmegaConf.update(run.config, "data.name", name)


def test_paths_are_those_of_the_folder_wherever_it_is(folder):
    moved = folder.rename(folder.parent / "moved")
    run = open_run(moved)
    assert (run.config.run_dir, run.config.outputs) == (str(moved), str(moved.parent))
    assert run.summary == SUMMARY


@pytest.mark.parametrize("given", ["absent", "", "~nobody-has-this-name/x", "run/config.yaml", "a\0b", "x" * 5_000])
def test_what_is_no_folder_is_answered(folder, monkeypatch, given):
    monkeypatch.chdir(folder.parent)
    with pytest.raises(RunError, match="no such folder; genlab runs lists those there are"):
        open_run(given)


@pytest.mark.parametrize("missing", ["config.yaml", "summary.json"])
def test_what_is_no_run_folder_is_answered(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(RunError, match=f"no run folder, it has no {missing}"):
        open_run(folder)


@pytest.mark.parametrize("name", ["<b>bold", "a&b", "it's", 'a"b', "a\nb", "a\x1b[31mb", "a\u202eb", "a\u200bb"])
def test_a_name_is_plain_text_on_a_page_and_on_a_terminal(folder, name):
    with pytest.raises(RunError, match="rename it") as error:
        open_run(folder.rename(folder.parent / name))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["2026-11-22_14-03-59-1f0c9ab2", "vae β=4", "my run (2)"])
def test_other_names_are_fine(folder, name):
    assert open_run(folder.rename(folder.parent / name)).folder.name == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"status": "fin', "cannot be read"),
        ("", "cannot be read"),
        ("[]", "no table"),
        ("3", "no table"),
        ("[" * 100_000, "cannot be read"),
        ('{"status": ' + "9" * 5_000 + "}", "cannot be read"),
        ("{}", "status=None: should be 'running'"),
        ('{"status": "well"}', "status=well"),
        ('{"status": {}}', "status"),
        ('{"status": "running", "seconds": "long"}', "seconds=long: should be a valid number"),
        ('{"status": "running", "seconds": NaN}', "seconds=nan: should be a finite number"),
        ('{"status": "running", "seconds": 1e999}', "seconds=inf: should be a finite number"),
        ('{"status": "running", "seconds": -1}', "seconds=-1"),
        ('{"status": "running", "epochs": "many"}', "epochs=many"),
        ('{"status": "running", "epochs": -1}', "epochs=-1"),
        ('{"status": "running", "warnings": "none"}', "warnings=none"),
        ('{"status": "running", "warnings": [{}]}', "warnings"),
        ('{"status": "running", "resumed": 5}', "resumed=5"),
        ('{"status": "running", "started": {}}', "started"),
        ('{"status": "running", "metrics": {"test/elbo": "good"}}', "metrics"),
        ('{"status": "running", "training_seconds": "long"}', "training_seconds=long"),
        ('{"status": "running", "training_images": 1' + 400 * "0" + "}", "training_images"),
        ('{"status": "running", "\\ud800": 1}', "cannot be read"),
        ('{"status": "running", "model": "\\ud800"}', "cannot be read"),
    ],
)
def test_a_summary_is_what_genlab_writes(folder, text, words):
    (folder / "summary.json").write_text(text)
    with pytest.raises(RunError, match="restore it from a copy") as error:
        read_summary(folder)
    assert words in str(error.value)
    assert str(error.value).isprintable()


def test_a_summary_may_say_more(folder):
    (folder / "summary.json").write_text('{"status": "running", "self": 1, "a b": [2]}')
    assert read_summary(folder) == {"status": "running", "self": 1, "a b": [2]}


def test_the_best_checkpoint_comes_first(folder):
    run, checkpoints = open_run(folder), folder / "checkpoints"
    checkpoints.mkdir()
    with pytest.raises(RunError, match=r"last\.ckpt: no such checkpoint"):
        run.checkpoint()
    (checkpoints / "last.ckpt").touch()
    assert run.checkpoint() == checkpoints / "last.ckpt"
    (checkpoints / "best.ckpt").touch()
    assert run.checkpoint() == checkpoints / "best.ckpt"
    assert run.checkpoint("last") == checkpoints / "last.ckpt"


def test_the_data_of_a_run_are_there(folder):
    check_root(open_run(folder))


@pytest.mark.parametrize(
    ("root", "name", "words"),
    [
        ("absent", "mnist", "no such folder"),
        ("~nobody-has-this-name", "mnist", "no such folder"),
        ("x" * 5_000, "mnist", "no such folder"),
        ("a\0b", "mnist", "no such folder"),
        ("/", "mnist", "no data files in it"),
        (None, "kmnist", "no data files in it"),
        (None, "cifar", "cifar is no data set of genlab's"),
        (None, ["mnist"], "is no data set of genlab's"),
    ],
)
def test_a_run_fills_no_folder_that_it_names(folder, mnist_root, root, name, words):
    """A stranger's `data.root` with files of another data set, or of none, is not filled with what is missing."""
    run = open_run(folder)
    set_root(run, str(mnist_root) if root is None else root, name)
    with pytest.raises(RunError, match=r"data\.root=") as error:
        check_root(run)
    assert words in str(error.value)


def test_a_run_knows_where_its_data_are_from_any_folder(compose_config, mnist_root, tmp_path, monkeypatch):
    monkeypatch.chdir(mnist_root.parent)
    save_config(compose_config(f"data.root=../{mnist_root.parent.name}/{mnist_root.name}"), [], tmp_path / "run")
    (tmp_path / "run" / "summary.json").write_text(json.dumps(SUMMARY))
    monkeypatch.chdir(tmp_path)
    run = open_run("run")
    assert os.path.samefile(run.config.data.root, mnist_root)
    check_root(run)


@pytest.mark.parametrize(
    "text",
    ["!!bool x", "!!timestamp x", "1:" * 300 + "1.5", "[" * 50_000, "- " * 500, "- =", "- 2001-99-99", "{? [a] : b}"],
)
def test_odd_overrides_are_none(folder, text):
    (folder / "overrides.yaml").write_text(text)
    assert read_overrides(folder) == []


def test_a_run_with_a_metric_that_is_not_finite_is_resumed(tmp_path):
    previous = {
        "status": "interrupted",
        "metrics": {"test/elbo": None, "val/elbo": -1.0},
        "resumed": None,
        "warnings": None,
    }
    for _ in range(2):
        with RunRecord(tmp_path, {"model": "VAE"}, previous):
            pass
        previous = read_summary(tmp_path)
        assert previous["metrics"] == {"test/elbo": None, "val/elbo": -1.0}
    assert len(previous["resumed"]) == 2
    assert previous["warnings"] == []
