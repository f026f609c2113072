"""What sample, reconstruct and interpolate share: options, files, folders that cannot be used."""

import errno
import shutil

import pytest
import torch
import yaml
from torchvision.utils import save_image

from genlab.errors import RunError
from genlab.runs.reading import open_run
from genlab.runs.reload import load_data

COMMANDS = ["sample", "reconstruct", "interpolate"]


@pytest.fixture
def stranger(runs, tmp_path):
    """stranger("data.root", "/gone"): a copy of the VAE's run with one setting changed."""

    def copy(key, value):
        folder = tmp_path / "stranger"
        shutil.copytree(runs["vae"], folder)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        section, name = key.split(".")
        config[section][name] = value
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return folder

    return copy


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["--out", "a.gif"], "Invalid value for '--out': a.gif: should end in .png; see genlab COMMAND --help"),
        (["--out", "no/a.png"], "Invalid value for '--out': no/a.png: the folder no is not there, or cannot be writ"),
        (["--out", "file/a.png"], "Invalid value for '--out': file/a.png: the folder file is not there, or cannot"),
        (["--out", "folder.png"], "Invalid value for '--out': folder.png: is a folder, a pipe or a device; choose "),
        (["--seed", "-1"], "Invalid value for '--seed': -1 is not in the range 0<=x<=4294967295; "),
        (["--seed", "x"], "Invalid value for '--seed': 'x' is not a valid integer"),
        (["--sed", "1"], "No such option '--sed'. Did you mean '--seed'?; see genlab COMMAND --help"),
        (["-z", "1"], "No such option '-z'; see genlab COMMAND --help"),
        (["--checkpoint", "lst"], "Invalid value for '--checkpoint': 'lst' is not one of 'best', 'last'; "),
        (["data.rot=x"], "Invalid value for '[data.root=FOLDER]': data.rot=x: only data.root=FOLDER can be given he"),
        (["data.root=x", "more"], "Got unexpected extra argument (more); see genlab COMMAND --help"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_answered_before_any_work(command, options, answer, runs, genlab, tmp_path, monkeypatch):
    monkeypatch.delattr("genlab.cli.picture.open_run")
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    result = genlab(command, runs["vae"], *options)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"error: {answer.replace('COMMAND', command)}")


def test_a_folder_that_cannot_be_written_is_answered_before_any_work(runs, genlab, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # chmod does not stop root
    result = genlab("sample", runs["vae"])
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("error: Invalid value for '--out': samples.png: the folder . is not there, or cannot ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("folder", "answer"),
    [
        ("absent", "error: absent: no such folder; genlab runs lists those there are\n"),
        ("empty", "/empty: no run folder, it has no config.yaml; genlab runs lists those under outputs\n"),
    ],
)
def test_a_folder_that_is_no_run_is_answered(command, folder, answer, genlab, tmp_path):
    (tmp_path / "empty").mkdir()
    result = genlab(command, folder)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.endswith(answer)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "meta", "hpu"])
def test_a_device_that_is_not_there_is_answered(device, runs, genlab, tmp_path):
    result = genlab("sample", runs["vae"], "--device", device)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith(f"error: device {device}: ")
    assert result.err.endswith("; use cpu\n")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_is_not_there_is_answered(runs, genlab):
    result = genlab("sample", runs["gan"], "--checkpoint", "best")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "best.ckpt: no such checkpoint" in result.err


def test_best_and_last_are_different_weights(runs, genlab, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["vae"], folder)
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt")
    checkpoint["state_dict"] = {name: value + 0.1 for name, value in checkpoint["state_dict"].items()}
    torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
    assert "(best.ckpt)" in genlab("sample", folder, "--out", "default.png").out
    assert "(best.ckpt)" in genlab("sample", folder, "--checkpoint", "best", "--out", "best.png").out
    assert "(last.ckpt)" in genlab("sample", folder, "--checkpoint", "last", "--out", "last.png").out
    default, best, last = ((tmp_path / f"{name}.png").read_bytes() for name in ("default", "best", "last"))
    assert default == best
    assert best != last


@pytest.mark.parametrize("command", COMMANDS)
def test_a_config_that_nobody_should_trust_runs_nothing(command, stranger, genlab, tmp_path):
    folder = stranger("model._target_", "os.system\x1b[2J")
    result = genlab(command, folder)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "os.system?[2J is not a class that genlab's configs name there, so it is not run" in result.err
    assert "\x1b" not in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["stranger"]


def test_a_disk_that_is_full_leaves_the_file_that_was_there(runs, genlab, tmp_path, monkeypatch):
    def fail(picture, file, format):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "samples.png").write_bytes(b"before")
    monkeypatch.setattr("torchvision.utils.save_image", fail)
    result = genlab("sample", runs["vae"])
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: samples.png: No space left on device; choose another file with --out\n"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("samples.png", b"before")]
    monkeypatch.setattr("torchvision.utils.save_image", save_image)
    assert genlab("sample", runs["vae"]).code == 0
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["reconstruct", "interpolate"])
def test_data_that_have_moved_are_found_where_the_user_says(command, stranger, genlab, tmp_path, mnist_root, runs):
    folder = stranger("data.root", str(tmp_path / "gone"))
    result = genlab(command, folder)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "gone: no such folder; give another as data.root=FOLDER" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["stranger"]
    assert genlab(command, folder, "--out", "a.png", f"data.root={mnist_root}").code == 0
    assert genlab(command, runs["vae"], "--out", "b.png").code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_config_of_a_stranger_fills_no_folder_with_data(stranger, tmp_path):
    (tmp_path / "precious" / "own").mkdir(parents=True)
    with pytest.raises(RunError, match=r"precious: no data files in it, but own; .*; give another"):
        load_data(open_run(stranger("data.root", str(tmp_path / "precious"))))
    assert [path.name for path in (tmp_path / "precious").rglob("*")] == ["own"]


def test_a_value_that_the_data_refuse_is_answered(stranger, genlab):
    result = genlab("reconstruct", stranger("data.batch_size", 0))
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.endswith("config.yaml: data.batch_size=0: should be greater than 0\n")


def test_the_data_of_a_run_are_those_it_was_trained_on(runs):
    data = load_data(open_run(runs["vae"]))
    assert [len(data.train_set), len(data.val_set), len(data.test_set)] == [550, 50, 100]
