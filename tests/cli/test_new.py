"""genlab new model NAME: a package that trains as it is, or one line and nothing written."""

from pathlib import Path

import pytest
from fork_server import Training


@pytest.mark.slow
def test_the_starter_is_a_model_a_config_and_a_test_that_passes(genlab, tmp_path):
    result = genlab("new", "model", "my_vae")
    assert not result.code, result
    assert "genlab train --config-dir my_vae/conf model=my_vae\n" in result.out
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == [
        *("my_vae/__init__.py", "my_vae/conf/model/my_vae.yaml"),
        *("my_vae/model.py", "my_vae/test_my_vae.py"),
    ]
    program = Path(pytest.__file__).with_name("__main__.py")
    code, out, _ = Training(tmp_path, "-q", "-p", "no:cacheprovider", "my_vae", program=program).end()
    assert code == 0, out
    assert "2 passed" in out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("taken", "is there already"),
        ("a_file", "is there already"),
        ("vae", "model=vae is genlab's own"),
        ("my-vae", "no name for a Python package"),
        ("my.vae", "no name for a Python package"),
        ("../vae", "no name for a Python package"),
        ("2d", "no name for a Python package"),
        ("größe", "no name for a Python package"),
        ("class", "no name for a Python package"),
        ("match", "no name for a Python package"),
        ("", "no name for a Python package"),
        ("_", "no name for a Python package"),
        ("_vae", "no name for a Python package"),
        ("json", "import json is another package already"),
        ("torch", "import torch is another package already"),
        ("genlab", "import genlab is another package already"),
    ],
)
def test_a_name_that_cannot_be_used_is_told_in_one_line_and_nothing_is_written(genlab, tmp_path, name, words):
    (tmp_path / "taken").mkdir()
    (tmp_path / "a_file").touch()
    result = genlab("new", "model", name)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a_file", "taken"]


def test_a_folder_that_cannot_be_written_is_told(genlab, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    result = genlab("new", "model", "mine")
    assert result.code == 1
    assert result.err == "error: mine: No space left on device; go to a folder that can be written\n"
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(("words", "said"), [(["modle", "x"], "'modle' is not 'model'"), (["model"], "NAME")])
def test_what_is_new_is_a_model(genlab, words, said):
    result = genlab("new", *words)
    assert result.code == 2
    assert said in result.err
