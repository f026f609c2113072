"""A stranger's run folder is data: what it asks for is refused with one line, and nothing of it runs."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from conftest import stand_in_config

import genlab
from genlab.errors import GenlabError
from genlab.training import train

TRAIN = Path(__file__).parents[2] / "train.py"
COMMAND = "touch marker"  # what an attack would run


@pytest.fixture(scope="module")
def finished(mnist_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    small = ["model.hidden_dims=[8]", "model.latent_dim=3", "trainer.max_epochs=1", "callbacks.test_nll.images=2"]
    train(stand_in_config(mnist_root, folder, *small))
    return folder / "run"


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def refused(folder, expected):
    with pytest.raises(GenlabError) as caught:
        genlab.load(folder)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("marker").exists()


def change(run, **sections):
    """Merge into sections of config.yaml; None removes nothing, it is a value."""
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    for section, values in sections.items():
        config[section] = {**config[section], **values} if isinstance(values, dict) else values
    path.write_text(yaml.safe_dump(config))


def test_an_honest_folder_is_loaded(run):
    model = genlab.load(run)
    assert not model.training
    assert type(model).__name__ == "VAE"


ATTACKS = {
    "os.system": {"model": {"_target_": "os.system", "command": COMMAND}},
    "subprocess": {"model": {"_target_": "subprocess.run", "args": COMMAND, "shell": True}},
    "exec": {"model": {"_target_": "builtins.exec", "source": "open('marker', 'w')"}},
    "another class of genlab": {"model": {"_target_": "genlab.runs.atomic.write_text", "path": "marker", "text": ""}},
    "partial": {"model": {"_partial_": True}},
    "args": {"model": {"_args_": [COMMAND]}},
    "recursive": {"model": {"_recursive_": True}},
    "convert": {"model": {"_convert_": "none"}},
    "nested": {"model": {"hidden_dims": {"_target_": "os.system", "command": COMMAND}}},
    "in a list": {"model": {"hidden_dims": [{"_target_": "os.system", "command": COMMAND}]}},
    "partial in a callback": {"callbacks": {"evil": {"_target_": "os.system", "_partial_": True, "command": COMMAND}}},
    "logger": {"logger": {"evil": {"_target_": "os.system", "command": COMMAND}}},
    "trainer": {"trainer": {"_target_": "os.system", "command": COMMAND}},
    "data": {"data": {"_target_": "os.system", "command": COMMAND}},
    "plugins": {"trainer": {"plugins": [{"_target_": "os.system", "command": COMMAND}]}},
    "environment": {"model": {"architecture": "${oc.env:HOME}"}},
    "interpolation in a key": {"model": {"${oc.env:HOME}": 1}},
    "path with dots": {"data": {"root": "../../elsewhere"}},
    "a place of Lightning's": {"trainer": {"default_root_dir": "../elsewhere"}},
    "an unknown section": {"hydra": {"run": {"dir": "../elsewhere"}}},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_config_may_not_say_is_refused(run, attack):
    sections = ATTACKS[attack]
    if "hydra" in sections:
        config = yaml.safe_load((run / "config.yaml").read_text())
        (run / "config.yaml").write_text(yaml.safe_dump(config | sections))
    else:
        change(run, **sections)
    refused(run, "config.yaml")


@pytest.mark.parametrize(
    "text",
    [
        f"model: !!python/object/apply:os.system ['{COMMAND}']",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "[" * 5000,
        "just text",
    ],
    ids=["tag", "aliases", "depth", "no table"],
)
def test_what_yaml_can_do_besides_is_refused(run, text):
    (run / "config.yaml").write_text(text)
    refused(run, "config.yaml")


class Bomb:
    def __reduce__(self):
        return os.system, (COMMAND,)


@pytest.mark.parametrize("name", ["best", "last"])
@pytest.mark.parametrize("write", [lambda bomb, file: torch.save(bomb, file), pickle.dump], ids=["torch", "pickle"])
def test_a_pickle_bomb_does_not_go_off(run, name, write):
    for other in (run / "checkpoints").iterdir():
        other.unlink()
    with (run / "checkpoints" / f"{name}.ckpt").open("wb") as file:
        write({"state_dict": Bomb()}, file)
    refused(run, f"{name}.ckpt: damaged, or it holds code, so it is not opened")


@pytest.mark.parametrize("link", ["checkpoints", "images/link", "config.yaml"])
def test_links_are_not_followed(run, tmp_path, link):
    outside = tmp_path / "outside"
    place = run / link
    if place.exists():
        place.rename(outside)
    place.symlink_to(outside)
    refused(run, "a link, a pipe or a device")


@pytest.mark.parametrize("name", ["<b>run<b>", "a'b", 'a"b', "a&b", "a\x1b[31mb"])
def test_a_name_that_is_markup_is_refused(run, name):
    refused(run.rename(run.parent / name), "rename it")


def test_control_characters_do_not_reach_the_terminal(run):
    change(run, model={"architecture": "\x1b]0;title\x07\x1b[31mred"})
    with pytest.raises(GenlabError) as caught:
        genlab.load(run)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("attack", ["os.system", "subprocess", "exec", "partial", "path with dots", "bomb", "name"])
def test_resuming_refuses_it_too(run, attack):
    folder = run
    if attack == "bomb":
        torch.save({"state_dict": Bomb()}, run / "checkpoints" / "last.ckpt")
    elif attack == "name":
        folder = run.rename(run.parent / "<b>run<b>")
    else:
        change(run, **ATTACKS[attack])
    command = [sys.executable, str(TRAIN), f"resume={folder}", "trainer.max_epochs=2"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert not Path("marker").exists()
