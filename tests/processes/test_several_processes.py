"""Two processes of one run: the metrics of one, the files of one, the words of one."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import stand_in_config, write_mnist
from fork_server import TRAIN, together

from genlab.runs.checkpoints import load_weights
from genlab.runs.lock import locked
from genlab.training.train import build, train

pytestmark = pytest.mark.slow  # real processes

# Shares of 26 and 25, and of 41 and 40: with EVAL_BATCH they differ in the number of their batches too
N_VAL, N_TEST, EVAL_BATCH = 51, 81, 5
QUICK = ["trainer.accelerator=cpu", "trainer.max_epochs=1", "data.batch_size=100", f"data.eval_batch_size={EVAL_BATCH}"]
QUICK += ["callbacks.sample_quality.n=50", "callbacks.test_nll.images=20", "callbacks.test_nll.samples=5"]
QUICK += ["evaluate_every=1"]
DEVICES = ["trainer=ddp", "trainer.devices=2"]
MODELS = {
    "vae": ["model.hidden_dims=[8]"],
    "gan": ["model=gan", "callbacks=search", "model.ema_decay=0.5"],
    "autoencoder": ["model=autoencoder", "model.hidden_dims=[8]", "callbacks=search"],
    "flow": ["model=flow", "model.steps=1", "model.channels=[4,4]", "callbacks=search"],
    "conditional vae": ["model.hidden_dims=[8]", "model.conditional=true", "model.label_dropout=0.2"],
    "vae of few labels": ["model.hidden_dims=[8]", "model.labels=20"],
}


@pytest.fixture(scope="module")
def odd_root(tmp_path_factory):
    """A `data.root` with 51 validation and 81 test images."""
    return write_mnist(tmp_path_factory.mktemp("odd"), 12 * N_VAL, N_TEST)


@pytest.fixture(scope="module")
def of_two(odd_root, tmp_path_factory):
    """of_two(model): the run folder that two processes have left, and what they said."""
    finished = {}

    def run(model):
        if model not in finished:
            folder = tmp_path_factory.mktemp(model)
            ends = [
                process.end() for process in together(folder, *QUICK, *MODELS[model], *DEVICES, f"data.root={odd_root}")
            ]
            assert [code for code, _, _ in ends] == [0, 0], ends
            (run_folder,) = (folder / "outputs").glob("*/*")
            finished[model] = run_folder, ends
        return finished[model]

    return run


@pytest.mark.parametrize("model", MODELS)
def test_metrics_are_those_of_one_process_with_the_same_weights(of_two, odd_root, tmp_path, model):
    """By all metrics of validation and test, the callbacks' too.

    Each is a quotient of two sums in float32 over 81 images at most; two processes differ by the order of the sum, of
    which each step rounds by 2⁻²⁴: at most 81 · 6e-8 = 5e-6, were all terms of one sign. Values that are a sum of terms
    of both signs, as the flow's log-likelihood, are larger than one.
    """
    folder, _ = of_two(model)
    found = json.loads((folder / "summary.json").read_text())["metrics"]
    in_one_batch = "data.eval_batch_size=500"
    one = build(stand_in_config(odd_root, tmp_path, *QUICK, *MODELS[model], in_one_batch))
    load_weights(one.model, folder / "checkpoints" / "last.ckpt")
    expected = {}
    for evaluate in (one.trainer.validate, one.trainer.test):
        (metrics,) = evaluate(one.model, datamodule=one.data, verbose=False)
        expected |= {name: value for name, value in metrics.items() if "/" in name}
    assert len(expected) >= 2
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert {name for name in found if not name.startswith("train/")} == expected.keys()


@pytest.mark.parametrize("by", ["torchrun", "srun"])
def test_the_processes_of_a_run_have_one_name_for_it(tmp_path, by):
    script = tmp_path / "name.py"
    script.write_text(
        "from genlab.processes.agreement import meet\n"
        "from genlab.runs.configuration import run_name\n"
        "print(run_name())\n"
        "meet()\n"  # the first, which serves the store, stays until the other has read
    )
    (one, name, _), (other, same, _) = [process.end() for process in together(tmp_path, by=by, program=script)]
    assert (one, other) == (0, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-[0-9a-f]{8}\n", name)
    assert same == name


def files(folder):
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted(re.sub(r"tfevents\..*", "tfevents", name) for name in names)


def test_files_are_those_of_one_process(of_two, odd_root, tmp_path):
    folder, _ = of_two("vae")
    train(stand_in_config(odd_root, tmp_path, *QUICK, *MODELS["vae"]))
    assert files(folder) == files(tmp_path / "run")
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"


def test_the_first_process_alone_speaks(of_two):
    _, ((_, first, first_errors), (_, second, second_errors)) = of_two("vae")
    assert (first_errors, second, second_errors) == ("", "", "")
    assert len(re.findall("^epoch 1/1 ", first, re.MULTILINE)) == 1
    assert len(re.findall("^run folder ", first, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["modle=vae"], "error: modle: the configuration has no modle"),
        (
            ["trainer.devices=1"],
            "error: trainer.devices=1: torchrun has started 2 processes, one a device; use trainer=d",
        ),
        (["trainer=ddp", "trainer.devices=auto"], "error: trainer.devices=1: torchrun has started 2 processes"),
        (["-m", "seed=1,2"], "error: -m: torchrun has started 2 processes, each of which would run the whole sweep"),
        (["model.latent_dim=0", *DEVICES], "error: model.latent_dim=0: should be greater than 0"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_once(tmp_path, arguments, answer):
    ends = [process.end() for process in together(tmp_path, "trainer.accelerator=cpu", *arguments)]
    assert all(code in (1, 2) for code, _, _ in ends)
    lines = [line for _, out, errors in ends for line in (out + errors).splitlines()]
    assert len(lines) == 1, lines
    assert lines[0].startswith(answer)
    assert list(tmp_path.iterdir()) == []


LONG = ["model.hidden_dims=[8]", "trainer.accelerator=cpu", "callbacks=search", "trainer.max_epochs=100000", *DEVICES]


def test_a_signal_to_all_interrupts_the_run_and_it_goes_on_with_two_processes(tmp_path, odd_root):
    """Two signals at once to each, as torchrun passes on a Ctrl-C that the terminal has sent already."""
    pair = together(tmp_path, *LONG, f"data.root={odd_root}")
    assert any(line.startswith("epoch ") for line in pair[0].out)
    for _ in range(2):
        for process in pair:
            os.kill(process.process.pid, signal.SIGINT)
    ends = [process.end() for process in pair]
    assert [code for code, _, _ in ends] == [128 + signal.SIGINT] * 2
    assert re.search(r"^interrupted; to go on: genlab resume outputs/vae/\S+\n\Z", ends[0][2], re.MULTILINE)
    assert ends[1][2] == ""
    (folder,) = (tmp_path / "outputs" / "vae").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert (folder / "checkpoints" / "last.ckpt").exists()

    more = summary.get("epochs", 1)
    ends = [process.end() for process in together(tmp_path, f"resume={folder}", f"trainer.max_epochs={more}")]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
    ends = [process.end() for process in together(tmp_path, f"resume={folder}", f"trainer.max_epochs={more}")]
    assert [(code, out.count("finished already")) for code, out, _ in ends] == [(0, 1), (0, 0)]


def test_when_one_process_is_killed_the_other_ends_and_says_why(tmp_path, odd_root):
    first, second = together(tmp_path, *LONG, f"data.root={odd_root}")
    assert any(line.startswith("epoch ") for line in first.out)
    second.process.kill()
    code, _, errors = first.end()
    second.end()
    assert (code, errors) == (1, "error: another process of this run has ended; genlab resume goes on with it\n")
    (summary,) = (tmp_path / "outputs" / "vae").glob("*/summary.json")
    assert json.loads(summary.read_text())["status"] == "failed"


def test_what_the_first_process_alone_finds_ends_the_others(of_two, tmp_path):
    """srun ends no process because another has ended."""
    folder, _ = of_two("autoencoder")
    with locked(folder):
        pair = together(tmp_path, f"resume={folder}", "trainer.max_epochs=5", by="srun")
        ends = [process.end() for process in pair]
    assert [code for code, _, _ in ends] == [1, 1]
    (line,) = [line for _, out, errors in ends for line in (out + errors).splitlines()]
    assert "another process is training into this folder" in line


def test_torchrun(tmp_path, odd_root):
    """The real one: its store, its environment, its exit code."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, str(TRAIN), *QUICK, *MODELS["autoencoder"], *DEVICES, f"data.root={odd_root}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    (summary,) = Path(tmp_path / "outputs").glob("autoencoder/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "finished"
    assert result.stdout.count("epoch 1/1") == 1


@pytest.mark.parametrize("by", ["torchrun", "srun"])
def test_what_only_another_process_finds_is_said_with_its_rank(tmp_path, odd_root, by):
    """As where the data lie on one of two machines."""
    script = tmp_path / "own_root.py"
    root = f"[{str(odd_root)!r}, '/nowhere'][int(os.environ.get('RANK') or os.environ['SLURM_PROCID'])]"
    script.write_text(
        f"import os, sys\nsys.argv.append('data.root=' + {root})\nfrom genlab.cli.train import main\nmain()\n"
    )
    folder = tmp_path / "here"
    folder.mkdir()
    ends = [process.end() for process in together(folder, *QUICK, *DEVICES, by=by, program=script)]
    assert [code for code, _, _ in ends] == [1, 1]
    assert ends[0][2].startswith("error: [rank 1] data.root=/nowhere")
    assert [ends[0][2].count("\n"), ends[1][1], ends[1][2]] == [1, "", ""]
