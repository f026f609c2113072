"""The `genlab` command: help, wrong commands, and what is passed on."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from genlab import __version__
from genlab.cli import main as cli
from genlab.cli import train
from genlab.errors import ConfigError, RunError

GENLAB = str(Path(sys.executable).with_name("genlab"))
ROOM = "make room, or choose another folder with outputs=FOLDER"
OWN = [command for command in cli.COMMANDS if command != "train"]  # its help is Hydra's


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_help_names_every_command(genlab, arguments):
    code, out, err = genlab(*arguments)
    assert (code, err) == (0, "")
    described = re.findall(r"^  genlab (\w+)  +(\w.*)$", out, re.MULTILINE)
    assert dict(described) == cli.COMMANDS
    assert "Examples:\n  genlab train model=vae\n" in out


def test_every_file_of_a_command_is_listed():
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    assert files - {"__init__", "main", "names", "options", "overrides", "picture"} == set(cli.COMMANDS) - {"resume"}


@pytest.mark.parametrize("command", OWN)
def test_a_command_explains_itself_with_examples_that_it_takes(genlab, command, tmp_path, monkeypatch):
    (tmp_path / "FOLDER").mkdir()
    monkeypatch.chdir(tmp_path)
    code, out, err = genlab(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: genlab {command} ")
    assert "--help" in out
    examples = [line.strip() for line in out.partition("Examples:\n")[2].splitlines()]
    assert len(examples) >= 2
    context = click.Context(cli.GENLAB)
    for example in examples:
        words = shlex.split(example.split("|")[0], comments=True)
        assert words[:2] == ["genlab", command]
        cli.GENLAB.get_command(context, command).make_context(command, words[2:])


def test_no_answer_waits_for_torch(tmp_path):
    code = f"""
import sys
from genlab.cli.main import main
for arguments in {[["--help"], ["runs"], *([command, "--help"] for command in cli.COMMANDS)]}:
    sys.argv = ["genlab", *arguments]
    try:
        main()
    except SystemExit as exit:
        assert not exit.code, (arguments, exit.code)
    assert "torch" not in sys.modules, arguments
    print("answered", arguments)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\nanswered [") == 2 + len(cli.COMMANDS)


def test_the_help_of_train_is_that_of_the_settings(tmp_path):
    result = subprocess.run([GENLAB, "train", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0
    assert "model.latent_dim" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_train_is_that_of_genlab(genlab):
    code, out, err = genlab("train", "--help")
    assert (code, err) == (0, "")
    assert "\n  genlab train model=vae trainer.accelerator=gpu\n" in out
    assert "train.py" not in out


def test_the_version(genlab):
    """Of torch and Lightning too, without importing them."""
    code, out, err = genlab("--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"{re.escape(__version__)} \(torch \S+, pytorch-lightning \S+\)\n", out)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["frain"], "frain: no such command; did you mean train? Allowed: evaluate, explore, "),
        (["sampel"], "sampel: no such command; did you mean sample? Allowed: "),
        (["xyz"], "xyz: no such command; Allowed: "),
        (["--versoin"], "No such option '--versoin'. Did you mean '--version'?; see genlab --help"),
        (["\x1b[2J"], "?[2J: no such command; Allowed: "),
        (["runs", "--jsn"], "No such option '--jsn'. Did you mean '--json'?; see genlab runs --help"),
        (["runs", "a", "b"], "Got unexpected extra argument (b); see genlab runs --help"),
        (["sample"], "Missing argument 'RUN_FOLDER'; see genlab sample --help"),
        (["resume"], "Missing argument 'RUN_FOLDER'; see genlab resume --help"),
        (["resume", "folder", "--force"], "No such option '--force'; see genlab resume --help"),
        (["sample", "folder", "--seed"], "Option '--seed' requires an argument; see genlab "),
    ],
)
def test_a_wrong_command_is_answered_in_one_line(genlab, tmp_path, arguments, answer):
    code, out, err = genlab(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {answer}")
    assert list(tmp_path.iterdir()) == []


def test_train_gets_all_that_stands_behind_it(genlab, monkeypatch):
    given = []
    monkeypatch.setattr(train, "main", lambda: given.append(list(sys.argv)))
    assert genlab("train", "-m", "seed=0,1", "--cfg", "job") == (0, "", "")
    assert given == [[train.__file__, "-m", "seed=0,1", "--cfg", "job"]]


def test_resume_gets_all_that_stands_behind_it(genlab, monkeypatch):
    """Lightning starts the further processes of a run by sys.argv: they must resume the same run."""
    given = []
    monkeypatch.setattr(train, "resume_run", lambda *arguments: given.append((arguments, list(sys.argv))))
    assert genlab("resume", "a/b", "trainer.max_epochs=3", "data.root=/d") == (0, "", "")
    assert genlab("resume", "a/b") == (0, "", "")
    first = (("a/b", ("trainer.max_epochs=3", "data.root=/d"), []), "trainer.max_epochs=3", "data.root=/d")
    assert given == [
        (first[0], [train.__file__, "resume=a/b", *first[1:]]),
        (("a/b", (), []), [train.__file__, "resume=a/b"]),
    ]
    sys.argv = given[0][1]
    train.main()
    assert given[-1][0] == first[0]


def test_resume_answers_a_folder_that_is_no_run(tmp_path):
    result = subprocess.run([GENLAB, "resume", "absent"], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: absent: no such folder; genlab runs lists those there are\n"


@pytest.mark.parametrize(
    ("error", "code", "answer"),
    [
        (RunError("a\nb"), 1, "error: a b\n"),
        (ConfigError("a"), 2, "error: a\n"),
        (
            FileNotFoundError(2, "No such file", "x"),
            1,
            f"error: x: No such file; {ROOM}\n",
        ),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_what_ends_a_command_is_answered_in_one_line(genlab, monkeypatch, error, code, answer):
    def fail(**given):
        raise error

    monkeypatch.setattr("genlab.cli.runs.runs.callback", fail)
    assert genlab("runs") == (code, "", answer)


@pytest.mark.parametrize("command", [["runs", "."], ["report", ".", "--format", "markdown"], ["sample", "ä→"]])
def test_a_terminal_without_a_character_stops_nothing(tmp_path, command):
    (tmp_path / "ä→").mkdir()
    (tmp_path / "ä→" / "overrides.yaml").write_text("- model=vae\n- outputs=ä→\n")
    result = subprocess.run(
        [GENLAB, *command], cwd=tmp_path, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}
    )
    assert b"Traceback" not in result.stderr
    assert b"\\xe4\\u2192" in result.stdout + result.stderr


def test_the_shell_completes_commands_options_runs_and_overrides(genlab, monkeypatch, tmp_path):
    def completed(*words):
        """What bash gets for the last word; it has = as a word of its own."""
        monkeypatch.setenv("_GENLAB_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        return [line.partition(",")[2] for line in genlab()[1].splitlines()]

    names = ["outputs/vae/2026-11-22_18-27-24-7698e350", "outputs/sweeps/2026-11-23_18-27-24-7698e350/0"]
    for name in names:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "summary.json").touch()
    assert completed("genlab", "re") == ["resume", "reconstruct", "report"]
    assert completed("genlab", "sample", "--che") == ["--checkpoint"]
    assert completed("genlab", "sample", "--checkpoint", "b") == ["best"]
    assert completed("genlab", "resume", "outputs/v") == names[:1]
    assert completed("genlab", "train", "model.lat") == ["model.latent_dim="]
    assert completed("genlab", "train", "model=gan", "model.obj") == ["model.objective="]
    assert completed("genlab", "train", "trainer.prec") == ["trainer.precision="]
    assert completed("genlab", "train", "model", "=", "fl") == ["flow", "flow_matching"]
    assert completed("genlab", "train", "model=fl") == ["model=flow", "model=flow_matching"]


def test_a_debugger_sees_the_traceback(genlab, monkeypatch):
    monkeypatch.setenv("GENLAB_DEBUG", "1")
    with pytest.raises(ConfigError):
        genlab("frain")


def test_a_reader_that_has_gone_away_is_no_fault(tmp_path):
    process = subprocess.Popen(
        [GENLAB, "--help"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1
