"""A run that was stopped and resumed is the run that was never stopped, to the bit."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from conftest import first_is_quick, stand_in_config
from pytorch_lightning import LightningModule
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.callbacks.interruption import Interrupted
from genlab.errors import ConfigError, NonFiniteError, RunError
from genlab.loggers.broadcast import GLANCE
from genlab.runs.lock import locked
from genlab.runs.metrics import read_times
from genlab.runs.reading import open_run, read_overrides
from genlab.training.resume import resume
from genlab.training.train import train

BATCHES, EPOCHS = 6, 4  # an epoch of 66 images
QUICK = ["data.batch_size=12", f"trainer.max_epochs={EPOCHS}", "trainer.log_every_n_steps=4"]
QUICK += ["callbacks.sample_quality.n=50"]
ONE_IMAGE = ["callbacks.samples.n=1", "callbacks.completion.rows=1", "callbacks.completion.ways=1"]
ONE_WAY = ["callbacks.samples.n=1", "callbacks.trajectory.rows=1", "callbacks.interpolation.rows=1"]
ONE_WAY += ["callbacks.traversals.rows=1", "callbacks.traversals.images=2"]
SMALL_TRANSFORMER = ["model.architecture=transformer", "model.layers=1", "model.width=8", "model.heads=2"]
MODELS = {
    "vae": ["model.hidden_dims=[16]", "callbacks.test_nll.images=4", "callbacks.test_nll.samples=3"],
    "gan": ["model=gan", "model.ema_decay=0.9", "model.discriminator_steps=2", "model.penalty=gradient_penalty"],
    "autoencoder": ["model=autoencoder", "model.hidden_dims=[16]", "callbacks.ex_post_samples.components=0"],
    "flow": ["model=flow", "model.steps=1", "model.channels=[4,4]", "model.dequantization_samples=2"],
    "autoregressive": ["model=autoregressive", "model.layers=1", "model.width=8", "model.heads=2", *ONE_IMAGE],
    "flow_matching": ["model=flow_matching", *SMALL_TRANSFORMER, "model.autoguidance=0.5", *ONE_WAY],
    "diffusion": [
        *("model=flow_matching", "model.architecture=convolutional", "model.channels=[4,4]", "model.path=cosine"),
        *("model.prediction=noise", "model.time_sampling=logit_normal", "model.coupling=optimal_transport", *ONE_WAY),
    ],
    "made": ["model=autoregressive", "model.architecture=made", "model.hidden_dims=[16]", "model.orders=2", *ONE_IMAGE],
}


TOLD = ["model.conditional=true", "model.label_dropout=0.2"]
MODELS |= {f"conditional {model}": [*MODELS[model], *TOLD] for model in ("vae", "gan")}
MODELS["conditional flow_matching"] = [*MODELS["flow_matching"], "model.autoguidance=0", *TOLD]
MODELS["vae of few labels"] = [*MODELS["vae"], "model.labels=20"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing is written when it comes."""


@pytest.fixture(scope="module")
def config(few_root, tmp_path_factory):
    """config(model, *overrides): each call has a run folder of its own."""

    def compose(model, *overrides):
        epochs = [] if model == "vae" else ["trainer.max_epochs=3"]  # of which one test needs no more
        return stand_in_config(few_root, tmp_path_factory.mktemp(model), *QUICK, *MODELS[model], *epochs, *overrides)

    return compose


@pytest.fixture(scope="module")
def whole(config):
    """whole(model): the folder of a run that was never stopped."""
    folders = {}

    def folder(model):
        if model not in folders:
            cfg = config(model)
            train(cfg)
            folders[model] = Path(cfg.run_dir)
        return folders[model]

    return folder


def stop(cfg, batch, monkeypatch, how, begin=train):
    """begin(cfg), until its batch, the 1st is 1, in which `how` is called."""
    seen = 0
    transfer = LightningModule.on_before_batch_transfer

    def counted(self, *args):
        nonlocal seen
        seen += self.trainer.training
        if seen == batch and self.trainer.training:
            how()
        return transfer(self, *args)

    with monkeypatch.context() as patch, pytest.raises((Killed, Interrupted)) as caught:
        patch.setattr(LightningModule, "on_before_batch_transfer", counted)
        begin(cfg)
    return caught.value


def go_on(cfg):
    resume(cfg.run_dir, [])


def stop_at_each(cfg, stops, monkeypatch):
    """Train, and resume, until each of the batches of the run in which its `how` is called; then to the end."""
    folder, begin, done = Path(cfg.run_dir), train, 0
    for how, batch in stops:
        stop(cfg, batch - done, monkeypatch, how, begin)
        done = checkpoint(folder)["genlab"]["batches"] if (folder / "checkpoints").exists() else 0
        assert done == batch if how is ctrl_c else done < batch
        begin = go_on
    go_on(cfg)


def kill():
    raise Killed


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def checkpoint(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def assert_same(here, there, address=""):
    """Plain values and tensors, equal to the bit, all the way down."""
    assert type(here) is type(there), address
    if isinstance(here, torch.Tensor):
        assert torch.equal(here, there), address
    elif isinstance(here, dict):
        assert here.keys() == there.keys(), address
        for key in here:
            assert_same(here[key], there[key], f"{address}.{key}")
    elif isinstance(here, (list, tuple)):
        assert len(here) == len(there), address
        for index, (one, other) in enumerate(zip(here, there, strict=True)):
            assert_same(one, other, f"{address}.{index}")
    else:
        assert here == there or (here != here and there != there), address


def assert_same_run(one, other):
    """Weights, optimizers, schedules, counters, random states, curves, pictures and final numbers; no other file."""
    assert files(one).keys() == files(other).keys()
    for name in files(one):
        here, there = one / name, other / name
        if name.endswith(".ckpt"):
            assert_same(*(timeless(torch.load(path, weights_only=True)) for path in (here, there)))
        elif name == "summary.json":
            first, second = (json.loads(path.read_text()) for path in (here, there))
            for key in first.keys() - CLOCK:
                assert first[key] == second[key], key
            assert second.keys() - CLOCK == first.keys() - CLOCK
        elif name == "times.csv":
            assert [row[:2] for row in read_times(here)] == [row[:2] for row in read_times(there)]
        elif name == "config.yaml":
            assert settings(here) == settings(there)
        elif name not in ("overrides.yaml", ".lock") and not name.startswith("events."):
            assert here.read_bytes() == there.read_bytes(), name


# what differs between two runs of the same settings
CLOCK = {"started", "seconds", "training_seconds", "sample_quality_seconds", "pid", "resumed"}


def files(folder):
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name.split(".tfevents")[0]: path for name, path in names.items()}


def settings(path):
    """All but where a run lies and how many processes read its images."""
    places = ("run_dir: ", "outputs: ", "  num_workers: ")
    return [line for line in path.read_text().splitlines() if not line.startswith(places)]


def timeless(checkpoint):
    """Without seconds; and without Lightning's counts of batches since the process started, and of those before it."""
    del checkpoint["loops"]
    checkpoint["callbacks"].pop("Timer", None)
    for state in checkpoint["callbacks"].values():
        state.get("training_times", {}).pop("seconds", None)
    return checkpoint


@pytest.mark.parametrize("model", first_is_quick(MODELS))
@pytest.mark.parametrize("how", [kill, ctrl_c])
def test_a_resumed_run_is_the_run_that_was_never_stopped(config, whole, monkeypatch, model, how):
    """Stopped in the first epoch, in the middle, and in the last batch of an epoch."""
    cfg = config(model)
    stop_at_each(cfg, [(how, batch) for batch in (2, BATCHES + 3, 2 * BATCHES)], monkeypatch)
    assert_same_run(Path(cfg.run_dir), whole(model))


LIMITS = {
    "steps": ["++trainer.max_steps=16"],
    "steps of whole epochs": ["++trainer.max_steps=12"],
    "time": ["++trainer.max_time=00:10:00:00"],
    "shares": ["++trainer.limit_train_batches=0.9", "++trainer.limit_val_batches=0.5", "data.eval_batch_size=2"],
    "at least": ["++trainer.min_epochs=3", "++trainer.min_steps=20"],
    "the same batches": ["++trainer.overfit_batches=5"],
    "validation within an epoch": ["++trainer.val_check_interval=0.4"],
    "validation by batches": ["++trainer.val_check_interval=4", "++trainer.check_val_every_n_epoch=null"],
    "validation every second epoch": ["++trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3"],
}
FEW_PICTURES = ["~callbacks.manifold", "~callbacks.code_scatter", "~callbacks.traversals", "~callbacks.interpolation"]


@pytest.mark.parametrize("limits", first_is_quick(LIMITS.values()), ids=LIMITS)
def test_it_is_the_same_run_however_it_is_limited(config, monkeypatch, limits):
    straight = config("vae", *FEW_PICTURES, *limits)
    train(straight)
    cfg = config("vae", *FEW_PICTURES, *limits)
    last = 12 if "++trainer.max_steps=12" in limits else 14
    stop_at_each(cfg, [(ctrl_c, 8), (ctrl_c, 9), (kill, last)], monkeypatch)
    assert_same_run(Path(cfg.run_dir), Path(straight.run_dir))


@pytest.mark.slow
def test_with_loader_processes_it_is_the_same_run(config, whole, monkeypatch):
    """They read ahead of what the training has seen, and change nothing."""
    cfg = config("vae", "data.num_workers=2")
    stop(cfg, BATCHES + 3, monkeypatch, kill)
    resume(cfg.run_dir, [])
    assert_same_run(Path(cfg.run_dir), whole("vae"))


@pytest.mark.slow
def test_with_several_threads_it_is_the_same_run(config, mnist_root, monkeypatch):
    """Large enough that torch shares the work; another number of threads may round otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        large = ["model.hidden_dims=[400]", f"data.root={mnist_root}", "data.batch_size=100"]
        straight, cfg = (config("vae", "trainer.max_epochs=2", *large) for _ in range(2))
        train(straight)
        stop(cfg, BATCHES + 3, monkeypatch, ctrl_c)
        resume(cfg.run_dir, [])
    finally:
        torch.set_num_threads(threads)
    assert_same_run(Path(cfg.run_dir), Path(straight.run_dir))


def events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def test_curves_and_pictures_do_not_double(config, whole, monkeypatch):
    cfg = config("vae")
    stop(cfg, 2 * BATCHES + 5, monkeypatch, kill)  # a whole row, then a batch, are lost with it
    resume(cfg.run_dir, [])
    resumed, straight = events(cfg.run_dir), events(whole("vae"))
    for tag in ("train/elbo", "val/elbo", "test/elbo"):
        assert [(e.step, e.value) for e in resumed.Scalars(tag)] == [(e.step, e.value) for e in straight.Scalars(tag)]
    for tag in (f"{GLANCE}/samples", "reconstructions"):
        assert [e.step for e in resumed.Images(tag)] == [e.step for e in straight.Images(tag)]


def test_ctrl_c_finishes_the_batch_and_writes_the_last_checkpoint(config, monkeypatch):
    cfg = config("vae")
    error = stop(cfg, BATCHES + 3, monkeypatch, ctrl_c)
    assert error.code == 128 + signal.SIGINT
    assert checkpoint(Path(cfg.run_dir))["genlab"]["batches"] == BATCHES + 3
    assert json.loads((Path(cfg.run_dir) / "summary.json").read_text())["status"] == "interrupted"


def test_the_second_ctrl_c_ends_at_once(config, monkeypatch):
    cfg = config("vae")

    def twice():
        ctrl_c()
        ctrl_c()
        raise AssertionError("the batch went on")

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(LightningModule, "on_before_batch_transfer", lambda self, *args: twice())
        train(cfg)
    assert not (Path(cfg.run_dir) / "checkpoints").exists()
    assert json.loads((Path(cfg.run_dir) / "summary.json").read_text())["status"] == "interrupted"


def test_handlers_are_put_back(config):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train(config("vae", "trainer.max_epochs=1"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_finished_run_says_that_it_is_finished(whole, capsys):
    folder = whole("vae")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    resume(str(folder), [])
    assert f"finished already, after {EPOCHS} epochs" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_finished_run_can_have_more_epochs(config, whole):
    cfg = config("vae", "trainer.max_epochs=2")
    train(cfg, overrides=["seed=0", "trainer.max_epochs=2"])
    resume(cfg.run_dir, [f"trainer.max_epochs={EPOCHS}"])
    folder = Path(cfg.run_dir)
    assert_same(checkpoint(folder)["state_dict"], checkpoint(whole("vae"))["state_dict"])
    assert open_run(folder).config.trainer.max_epochs == EPOCHS
    assert read_overrides(folder) == ["seed=0", f"trainer.max_epochs={EPOCHS}"]
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["epochs"], len(summary["resumed"])) == (EPOCHS, 1)


def test_a_run_killed_in_its_test_has_its_last_metrics_again(config, whole, monkeypatch):
    cfg = config("vae")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("genlab.models.vae.VAE.test_step", lambda *args: kill())
        train(cfg)
    resume(cfg.run_dir, [])
    assert_same_run(Path(cfg.run_dir), whole("vae"))


def test_a_moved_folder_can_be_resumed(config, whole, monkeypatch, tmp_path):
    cfg = config("vae")
    stop(cfg, 9, monkeypatch, ctrl_c)
    moved = Path(cfg.run_dir).rename(tmp_path / "elsewhere")
    resume(str(moved), [])
    assert_same_run(moved, whole("vae"))
    assert not Path(cfg.run_dir).exists()


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (["++trainer.max_steps=9"], ["trainer.max_steps=24"]),
        (["++trainer.max_time=00:00:00:00"], ["trainer.max_time=00:01:00:00"]),
        (["++trainer.max_time=00:00:00:00", "++trainer.min_steps=9"], ["trainer.max_time=null"]),
    ],
    ids=str,
)
def test_a_run_that_a_limit_has_ended_goes_on_where_it_was(config, whole, capsys, first, more):
    cfg = config("vae", *first)
    train(cfg)
    folder = Path(cfg.run_dir)
    ended = json.loads((folder / "summary.json").read_text())
    by = first[0].strip("+")
    assert (ended["status"], ended["stopped"]) == ("finished", by)
    assert f"stopped      by {by}, in epoch {ended['epochs']}" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for nothing in ([], [by], ["trainer.max_epochs=100"], ["trainer.limit_test_batches=1"]):
        resume(cfg.run_dir, nothing)
        assert f"finished already, after {ended['epochs']} epochs, stopped by {by}; " in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    resume(cfg.run_dir, more)
    assert_same(checkpoint(folder)["state_dict"], checkpoint(whole("vae"))["state_dict"])
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["steps"], summary["epochs"] >= ended["epochs"]) == (24, True)


@pytest.mark.slow
def test_a_run_killed_in_its_test_after_its_last_step_ends_the_same(config, monkeypatch):
    straight, cfg = (config("vae", *FEW_PICTURES, *LIMITS["steps"]) for _ in range(2))
    train(straight)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("genlab.models.vae.VAE.test_step", lambda *args: kill())
        train(cfg)
    resume(cfg.run_dir, [])
    assert_same_run(Path(cfg.run_dir), Path(straight.run_dir))


def test_a_second_signal_while_a_checkpoint_is_written_waits_for_it(config, monkeypatch):
    """torch would make a damaged file, and an error, of an exception there."""
    cfg = config("vae")
    save = torch.save

    def interrupted(*args):
        ctrl_c()
        ctrl_c()
        return save(*args)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("genlab.runs.checkpoints.torch.save", interrupted)
        train(cfg)
    assert json.loads((Path(cfg.run_dir) / "summary.json").read_text())["status"] == "interrupted"
    assert checkpoint(Path(cfg.run_dir))["genlab"]["batches"] == BATCHES


@pytest.mark.parametrize(
    "value", ["-5", "ten", "!!bool x", "1:1:1:1", "[" * 500, "{" * 50 + "}" * 50, "", "null", "1,2"]
)
def test_no_number_of_epochs_is_refused(whole, value):
    with pytest.raises(ConfigError, match="max_epochs"):
        resume(str(whole("vae")), [f"trainer.max_epochs={value}"])


def test_what_is_trained_cannot_be_changed(whole):
    with pytest.raises(ConfigError, match=r"model\.latent_dim=3: a resumed run keeps its settings; only"):
        resume(str(whole("vae")), ["model.latent_dim=3"])


def test_one_process_at_a_time(config, monkeypatch):
    cfg = config("vae")
    stop(cfg, 3, monkeypatch, ctrl_c)
    with locked(Path(cfg.run_dir)), pytest.raises(RunError, match="another process is training"):
        resume(cfg.run_dir, [])


def spoil(monkeypatch, batch, how):
    """Before the given batch of training, the 1st is 1."""
    seen = 0
    original = LightningModule.on_train_batch_start

    def counted(self, *args):
        nonlocal seen
        seen += 1
        if seen == batch:
            how(self)
        return original(self, *args)

    monkeypatch.setattr(LightningModule, "on_train_batch_start", counted)


def infinite_weight(model):
    next(model.parameters()).data.view(-1)[0] = torch.inf


@pytest.mark.parametrize(
    ("model", "quantity"),
    [
        ("vae", r"gradient of encoder\S+ in epoch 2, batch 2"),
        ("autoencoder", r"gradient of encoder\S+ in epoch 2, batch 2"),
        ("gan", r"gradient of generator\S+ in epoch 2, batch 2"),
    ],
)
def test_a_gradient_that_is_not_finite_ends_the_run(config, monkeypatch, model, quantity):
    """A weight that the step of batch 2 made infinite is found by batch 3, and told from a loss at fault."""
    cfg = config(model)
    spoil(monkeypatch, BATCHES + 3, infinite_weight)
    with pytest.raises(NonFiniteError, match=f"^non-finite {quantity}; .*smaller learning rate"):
        train(cfg)
    folder = Path(cfg.run_dir)
    assert checkpoint(folder)["genlab"]["batches"] == BATCHES
    assert all(weight.isfinite().all() for weight in checkpoint(folder)["state_dict"].values())
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], "non-finite" in summary["error"]) == ("failed", True)


def test_a_loss_that_is_not_finite_ends_the_run(config, monkeypatch):
    cfg = config("vae")
    original = type(build_model(cfg)).bounds
    monkeypatch.setattr(
        "genlab.models.vae.VAE.bounds",
        lambda self, *args, **labels: {
            name: value / 0 if self.training and self.trainer.global_step == BATCHES + 1 else value
            for name, value in original(self, *args, **labels).items()
        },
    )
    with pytest.raises(NonFiniteError, match=r"^non-finite loss in epoch 2, batch 2; "):
        train(cfg)


def build_model(cfg):
    from genlab.training.train import build

    return build(cfg).model


def test_the_last_step_of_an_epoch_is_looked_at_before_the_checkpoint(config, monkeypatch):
    cfg = config("vae")
    monkeypatch.setattr(LightningModule, "on_train_epoch_end", lambda self: None)
    monkeypatch.setattr("genlab.models.vae.VAE.on_validation_start", lambda self: infinite_weight(self), raising=False)
    with pytest.raises(NonFiniteError, match=rf"gradient of encoder\S+ in epoch 1, batch {BATCHES}; "):
        train(cfg)
    assert not (Path(cfg.run_dir) / "checkpoints").exists()
