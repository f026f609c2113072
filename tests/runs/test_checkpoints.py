"""A checkpoint that cannot be written leaves the one before it whole."""

import copy
import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from fork_server import Training

from genlab.errors import DiskError, RunError
from genlab.runs.atomic import remove_leftovers, write_text
from genlab.runs.checkpoints import AtomicCheckpointIO, check_counters, check_optimizers, read_checkpoint
from genlab.training.train import train

# A limit on the size of files fails like a full disk: in the middle of a write
FULL_DISK = """
import resource, sys, torch
from genlab.errors import DiskError
from genlab.runs.checkpoints import AtomicCheckpointIO
files, path = AtomicCheckpointIO(), sys.argv[1]
files.save_checkpoint({"epoch": 0}, path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    files.save_checkpoint({"epoch": 1, "weights": torch.zeros(1_000_000)}, path)
except DiskError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_checkpoint_before_is_whole(tmp_path):
    (tmp_path / "full_disk.py").write_text(FULL_DISK)
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    _, out, err = Training(tmp_path, path, program=tmp_path / "full_disk.py").end()
    assert out == f"{path}: File too large; the checkpoint before it is whole. Make room, then resume the run\n", err
    assert torch.load(path, weights_only=True) == {"epoch": 0}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from genlab.runs.atomic import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half of")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_while_writing_leaves_the_file_before_whole(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"the one before")
    result = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path / "last.ckpt")])
    assert result.returncode == -signal.SIGKILL
    assert (tmp_path / "last.ckpt").read_bytes() == b"the one before"
    (tmp_path / ".hidden").touch()  # somebody's own
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt", ".hidden"}


def test_a_run_on_a_disk_that_fills_fails_with_its_last_checkpoint_whole(compose_config, monkeypatch):
    cfg = compose_config("model.hidden_dims=[8]", "data.batch_size=100", "trainer.max_epochs=3")
    save = torch.save
    left = 2  # best and last of the first epoch

    def filling(*arguments):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*arguments)

    monkeypatch.setattr(torch, "save", filling)
    with pytest.raises(DiskError, match=r"\.ckpt: No space left on device; the checkpoint before it is whole"):
        train(cfg)
    checkpoint = torch.load(Path(cfg.run_dir) / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 0
    summary = json.loads((Path(cfg.run_dir) / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert "No space left on device" in summary["error"]


def test_whoever_asks_a_checkpoint_is_read_without_code(tmp_path):
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "code.ckpt")
    with pytest.raises(Exception, match="it holds code, so it is not opened"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "code.ckpt", weights_only=False)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=0.1, fused=True)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 3, 2), torch.nn.Flatten(), torch.nn.Linear(12, 2))


@pytest.fixture
def states(net):
    """Of two optimizers that have taken three steps, as a checkpoint has them."""
    optimizer = adam(net)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(5, 1, 3, 3)).square().sum().backward()
        optimizer.step()
    return [copy.deepcopy(optimizer.state_dict()) for _ in range(2)]


def check(net, states):
    check_optimizers([adam(net), adam(net)], {"optimizer_states": states}, Path("last.ckpt"))


def moment(name, value, parameter=0):
    def harm(states):
        states[1]["state"][parameter][name] = value

    return harm


def setting(name, value):
    return lambda states: states[1]["param_groups"][0].update({name: value})


SHAPE = (3, 1, 2, 2)  # of parameter 0
HARM = {
    "no optimizer": lambda states: states.clear(),
    "one optimizer": lambda states: states.pop(),
    "a number for an optimizer": lambda states: states.__setitem__(1, 3),
    "an empty optimizer": lambda states: states[1].clear(),
    "a smaller shape": moment("exp_avg", torch.zeros(1)),
    "a larger shape": moment("exp_avg_sq", torch.zeros(6, 1, 2, 2)),
    "as many values in another shape": moment("exp_avg", torch.zeros(12)),
    "many steps": moment("step", torch.ones(4)),
    "one place for all values": moment("exp_avg", torch.zeros(1).expand(SHAPE)),
    "every other place": moment("exp_avg", torch.zeros(3, 1, 2, 4)[..., ::2]),
    "doubles": moment("exp_avg", torch.zeros(SHAPE, dtype=torch.float64)),
    "whole numbers": moment("exp_avg_sq", torch.zeros(SHAPE, dtype=torch.int32)),
    "a sparse tensor": moment("exp_avg", torch.zeros(SHAPE).to_sparse()),
    "no memory": moment("exp_avg", torch.zeros(SHAPE, device="meta")),
    "a list for a tensor": moment("exp_avg", [0.0] * 12),
    "text for a tensor": moment("exp_avg", "zeros"),
    "a number for the steps": moment("step", 3),
    "a step that is not a number": moment("step", torch.tensor(torch.nan)),
    "infinitely many steps": moment("step", torch.tensor(torch.inf)),
    "a negative step": moment("step", torch.tensor(-1.0)),
    "a moment that is not a number": moment("exp_avg", torch.full(SHAPE, torch.nan)),
    "an infinite moment": moment("exp_avg_sq", torch.full(SHAPE, torch.inf)),
    "a negative square": moment("exp_avg_sq", torch.full(SHAPE, -1.0)),
    "a missing moment": lambda states: states[1]["state"][0].pop("exp_avg"),
    "a missing count of steps": lambda states: states[1]["state"][2].pop("step"),
    "no moments": lambda states: states[1]["state"].clear(),
    "a list of moments": lambda states: states[1].update(state=[1, 2]),
    "a moment too many": moment("max_exp_avg_sq", torch.zeros(SHAPE)),
    "moments of a parameter that is not there": lambda states: states[1]["state"].update({9: {}}),
    "moments that are a number": lambda states: states[1]["state"].update({0: 3}),
    "no groups": lambda states: states[1].update(param_groups=[]),
    "groups that are a number": lambda states: states[1].update(param_groups=3),
    "a group that is a list": lambda states: states[1].update(param_groups=[[1]]),
    "another order of parameters": setting("params", [1, 0, 2, 3]),
    "fewer parameters": setting("params", [0]),
    "no betas": lambda states: states[1]["param_groups"][0].pop("betas"),
    "other betas": setting("betas", (0.5, 0.5)),
    "a learning rate that is not a number": setting("lr", float("nan")),
    "an infinite learning rate": setting("lr", float("inf")),
    "a learning rate that is text": setting("lr", "fast"),
    "a negative learning rate": setting("lr", -1.0),
    "upwards": setting("maximize", True),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_state_that_the_optimizer_cannot_have_is_refused(net, states, harm):
    HARM[harm](states)
    with pytest.raises(RunError, match=r"^last\.ckpt: .*; use another$") as error:
        check(net, states)
    assert "\n" not in str(error.value)


def test_a_state_that_an_optimizer_has_made_is_accepted(net, states):
    states[0]["param_groups"][0]["lr"] = 0.025  # a schedule's
    del states[0]["state"][3]  # a parameter that had no gradient yet
    states[1]["state"][0]["exp_avg"] = torch.zeros(3, 2, 2, 1).permute(0, 3, 1, 2)  # channels_last
    del states[1]["param_groups"][0]["decoupled_weight_decay"]  # an older torch
    before = copy.deepcopy(states), copy.deepcopy(net.state_dict())
    check(net, states)
    torch.testing.assert_close((states, dict(net.state_dict())), (before[0], dict(before[1])), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad])
def test_other_optimizers_are_resumed_too(net, kind):
    optimizer = kind(net.parameters(), lr=0.1)
    net(torch.randn(5, 1, 3, 3)).square().sum().backward()
    optimizer.step()
    states = [copy.deepcopy(optimizer.state_dict())]
    check_optimizers([kind(net.parameters(), lr=0.1)], {"optimizer_states": states}, Path("last.ckpt"))


def whole(**more):
    """A checkpoint of genlab, as far as `read_checkpoint` looks."""
    return {"genlab": {"format": 1, "batches": 3}, "state_dict": {"weight": torch.ones(3)}, **more}


def laughs(kind, depth=60):
    value = kind(("ha",))
    for _ in range(depth):
        value = kind((value, value))
    return value


def loop():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "odd",
    [
        lambda: whole(hyper_parameters={"beta": laughs(tuple)}),
        lambda: whole(hyper_parameters={"beta": laughs(list)}),
        lambda: whole(hyper_parameters={"beta": loop()}),
        lambda: whole(text=["ha" * 1_000] * 10_000),
        lambda: whole() | {"genlab": {"format": 2, "batches": 3, "version": laughs(tuple)}},
    ],
    ids=["tuples", "lists", "a loop", "a text", "the version"],
)
def test_values_that_are_many_times_in_one_another_are_refused_at_once(tmp_path, odd):
    torch.save(odd(), tmp_path / "last.ckpt")
    with pytest.raises(RunError, match=r"last\.ckpt: damaged, .*; use another"):
        read_checkpoint(tmp_path / "last.ckpt")


def test_so_is_such_a_name_whose_hash_would_take_years(tmp_path):
    with zipfile.ZipFile(tmp_path / "last.ckpt", "w") as archive:
        value = b"\x80\x02}X\x02\x00\x00\x00haq\x00"
        value += b"".join(b"h%ch%c\x86q%c0" % (i, i, i + 1) for i in range(60)) + b"0h<K\x01s."
        archive.writestr("last/data.pkl", value)
        archive.writestr("last/version", b"3\n")
    with pytest.raises(RunError, match=r"last\.ckpt: damaged, .*; use another"):
        read_checkpoint(tmp_path / "last.ckpt")


def compressed(path):
    torch.save(whole(), path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content + bytes(10_000_000))


ODD = {
    "an older format of torch": lambda path: torch.save(whole(), path, _use_new_zipfile_serialization=False),
    "plain pickle": lambda path: path.write_bytes(pickle.dumps(whole())),
    "TorchScript": lambda path: torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1)), path),
    "a compressed archive": compressed,
    "no file of an archive": lambda path: path.write_bytes(b"PK" + bytes(1_000)),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_torch_would_warn_of_is_refused_without(tmp_path, odd, recwarn):
    ODD[odd](tmp_path / "last.ckpt")
    recwarn.clear()
    with pytest.raises(RunError, match=r"last\.ckpt: damaged"):
        read_checkpoint(tmp_path / "last.ckpt")
    assert not recwarn.list


def test_an_honest_checkpoint_is_read(tmp_path):
    torch.save(whole(betas=[(0.9, 0.999)] * 100, rows=[[1, 2, 0.5]] * 1_000), tmp_path / "last.ckpt")
    assert torch.equal(read_checkpoint(tmp_path / "last.ckpt")["state_dict"]["weight"], torch.ones(3))


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(self, *arguments):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    torch.save(whole(), tmp_path / "last.ckpt")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(RunError, match=r"last\.ckpt: cannot be read \(Permission denied\)"):
        read_checkpoint(tmp_path / "last.ckpt")


def test_a_callback_can_delete_files_and_no_folders(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.ckpt").touch()
    AtomicCheckpointIO().remove_checkpoint(str(tmp_path / "file.ckpt"))
    with pytest.raises(OSError, match="folder"):
        AtomicCheckpointIO().remove_checkpoint(str(tmp_path / "folder"))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_file_gets_the_rights_that_its_user_wants(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "summary.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "summary.json").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("value", ["x", -1, 1.5, None])
def test_a_counter_of_another_kind_is_refused(value):
    loops = {"fit_loop": {"epoch_loop.state_dict": {"_batches_that_stepped": value}, "state_dict": {}}}
    with pytest.raises(RunError, match=r"last\.ckpt: _batches_that_stepped is .*, no counter; use another checkpoint"):
        check_counters({"loops": loops}, Path("last.ckpt"))
