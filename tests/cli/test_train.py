"""The command line as a user has it: processes, exit codes, and what is left on disk."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fork_server import GENLAB, Training

REPOSITORY = Path(__file__).parents[2]
TRAIN = [sys.executable, str(REPOSITORY / "train.py")]
QUICK = ["debug=fast", "model.hidden_dims=[16]", "trainer.accelerator=cpu"]


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_wrong_command_is_answered_in_one_line_and_leaves_nothing(tmp_path):
    """In a fresh interpreter; test_bad_input.py has the others."""
    result = run([*TRAIN, "modle=vae"], tmp_path)
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: modle: the configuration has no modle; did you mean model?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_commands_to_copy_are_quoted_and_overrides_are_those_typed(tmp_path, mnist_root):
    settings = [*QUICK, f"data.root={mnist_root}", "outputs='my runs'", "trainer.limit_test_batches=1"]
    _, out, _ = Training(tmp_path, *settings).end()
    (folder,) = (tmp_path / "my runs").glob("vae/*")
    command = f"tensorboard --logdir 'my runs/vae/{folder.name}' --samples_per_plugin images=200"
    assert out.splitlines()[-1] == f"TensorBoard  {command}"
    assert yaml.safe_load((folder / "overrides.yaml").read_text()) == settings


@pytest.mark.slow
def test_hydra_may_change_the_folder(tmp_path, mnist_root):
    (tmp_path / "data").symlink_to(mnist_root)
    code, out, err = Training(tmp_path, *QUICK, "data.root=data", "hydra.job.chdir=true").end()
    assert (code, err) == (0, "")
    (folder,) = (tmp_path / "outputs").glob("vae/*")
    assert f"run folder   outputs/vae/{folder.name}\n" in out
    assert yaml.safe_load((folder / "config.yaml").read_text())["data"]["root"] == str(tmp_path / "data")


@pytest.mark.slow
def test_a_reader_that_has_gone_away_interrupts_a_run(tmp_path, mnist_root):
    training = Training(tmp_path, *QUICK, f"data.root={mnist_root}")
    training.out.close()
    assert re.fullmatch(r"interrupted; to go on: genlab resume outputs/vae/\S+\n", training.err.read())
    training.process.join()
    assert training.process.exitcode == 128 + signal.SIGINT
    (summary,) = (tmp_path / "outputs").glob("vae/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_a_damaged_data_file_is_answered_before_training(tmp_path, mnist_root):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (mnist_root / "MNIST" / "raw").iterdir():
        (raw / file.name).write_bytes(file.read_bytes())
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x64")
    code, _, err = Training(tmp_path, *QUICK, f"data.root={tmp_path / 'data'}").end()
    assert code == 1
    told = "t10k-labels-idx1-ubyte: not the 108 bytes that its header promises; put a whole copy"
    assert re.fullmatch(rf"error: .*{told} .*\n", err)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.slow
def test_the_console_shows_genlabs_own_lines_alone(tmp_path, mnist_root):
    result = run([*TRAIN, *QUICK, f"data.root={mnist_root}"], tmp_path)  # with what a fresh interpreter would warn of
    assert result.returncode == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    folder = r"outputs/vae/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-[0-9a-f]{8}"
    patterns = [
        r"genlab \S+: VAE on mnist, [\d,]+ parameters, cpu \(\d+ threads?\), seed 0",
        r"images       550 train, 50 validation, 100 test, from \S+/MNIST/raw",
        rf"run folder   {folder}",
        r"epoch 1/2   train elbo -\S+   val elbo -\S+   reconstruction -\S+   kl \S+   \S+ s",
        r"epoch 2/2   train elbo -\S+   val elbo -\S+   reconstruction -\S+   kl \S+   \S+ s",
        r"test         elbo -\S+   reconstruction -\S+   kl \S+   nll \S+   "
        r"\(nats per image; weights of epoch 2, best by val/elbo\)",
        rf"run folder   {folder}   \(\d+ s\)",
        rf"TensorBoard  tensorboard --logdir {folder} --samples_per_plugin images=200",
    ]
    assert len(lines) == len(patterns), result.stdout
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line
    saved = next((tmp_path / "outputs").glob("vae/*/overrides.yaml")).read_text().splitlines()
    assert saved == [f"- {override}" for override in (*QUICK, f"data.root={mnist_root}")]


@pytest.mark.slow
def test_two_processes_of_lightnings_train_together(tmp_path, mnist_root):
    """A GAN, whose players each leave the other's weights without a gradient, and without trainer=ddp."""
    devices = ["model=gan", "callbacks=search", "trainer.devices=2", "trainer.accelerator=cpu"]
    result = run([*TRAIN, "debug=fast", *devices, f"data.root={mnist_root}"], tmp_path)
    assert result.returncode == 0, result.stderr
    summaries = list((tmp_path / "outputs").glob("gan/*/summary.json"))
    assert [json.loads(path.read_text())["status"] for path in summaries] == ["finished"]
    assert result.stdout.count("epoch 2/2") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_as_interrupted(tmp_path, mnist_root, number):
    settings = ["model.hidden_dims=[16]", "trainer.accelerator=cpu", "trainer.max_epochs=100000"]
    training = Training(tmp_path, *settings, f"data.root={mnist_root}")
    assert any(line.startswith("epoch ") for line in training.out)
    os.kill(training.process.pid, number)
    code, _, errors = training.end()
    assert code == 128 + number
    assert re.search(r"^interrupted; to go on: genlab resume outputs/vae/\S+\n\Z", errors, re.MULTILINE)
    (summary,) = (tmp_path / "outputs").glob("vae/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "interrupted"


@pytest.mark.slow
def test_genlab_train_is_the_same_command(tmp_path, mnist_root):
    code, _, err = Training(tmp_path, "train", *QUICK, f"data.root={mnist_root}", program=GENLAB).end()
    assert code == 0, err
    assert len(list((tmp_path / "outputs" / "vae").iterdir())) == 1


@pytest.mark.parametrize("arguments", [["frain"], ["train", "modle=vae"]])
def test_the_genlab_command_answers_in_one_line(tmp_path, arguments):
    result = run([str(Path(sys.executable).with_name("genlab")), *arguments], tmp_path)
    assert result.returncode in (1, 2)
    assert re.fullmatch(r"error: [^\n]*\n", result.stderr)
