"""A stranger's run folder is data: what it asks for is refused with one line, and nothing of it runs.

Each kind of attack goes the whole way here; test_trust.py and test_reading.py have their variants.
"""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
import yaml

import genlab as package
from genlab.errors import GenlabError

COMMAND = "touch marker"  # what an attack would run


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def refused(folder, expected):
    with pytest.raises(GenlabError) as caught:
        package.load(folder)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("marker").exists()


def change(run, **sections):
    """Merge into sections of config.yaml."""
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    for section, values in sections.items():
        config[section] |= values
    path.write_text(yaml.safe_dump(config))


def test_an_honest_folder_is_loaded(run):
    model = package.load(run)
    assert not model.training
    assert type(model).__name__ == "VAE"


ATTACKS = {
    "os.system": {"model": {"_target_": "os.system", "command": COMMAND}},
    "subprocess": {"model": {"_target_": "subprocess.run", "args": COMMAND, "shell": True}},
    "exec": {"model": {"_target_": "builtins.exec", "source": "open('marker', 'w')"}},
    "another class of genlab": {"model": {"_target_": "genlab.runs.atomic.write_text", "path": "marker", "text": ""}},
    "partial": {"model": {"_partial_": True}},
    "partial in a callback": {"callbacks": {"evil": {"_target_": "os.system", "_partial_": True, "command": COMMAND}}},
    "path with dots": {"data": {"root": "../../elsewhere"}},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_config_may_not_say_is_refused(run, attack):
    change(run, **ATTACKS[attack])
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


def test_a_link_is_not_followed(run, tmp_path):
    (run / "checkpoints").rename(tmp_path / "outside")
    (run / "checkpoints").symlink_to(tmp_path / "outside")
    refused(run, "a link, a pipe or a device")


def test_a_name_that_is_markup_is_refused(run):
    refused(run.rename(run.parent / "<b>run<b>"), "rename it")


@pytest.mark.parametrize("attack", ["os.system", "subprocess", "exec", "partial", "path with dots", "bomb", "name"])
def test_resuming_refuses_it_too(run, genlab, attack):
    folder = run
    if attack == "bomb":
        torch.save({"state_dict": Bomb()}, run / "checkpoints" / "last.ckpt")
    elif attack == "name":
        folder = run.rename(run.parent / "<b>run<b>")
    else:
        change(run, **ATTACKS[attack])
    code, out, err = genlab("resume", folder, "trainer.max_epochs=2")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not Path("marker").exists()
