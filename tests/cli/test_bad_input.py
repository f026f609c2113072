"""Whatever is wrong is answered with one line that names it, and leaves nothing behind."""

import logging
import os
import shutil
import signal
import sys
import warnings

import pytest
import torch
from fork_server import Training
from hydra.core.global_hydra import GlobalHydra

from genlab.cli.train import main
from genlab.data.catalogue import FILES

# what is typed → part of the answer
OVERRIDES = {
    "modle=vae": "did you mean model?",
    "model=vea": "error: model=vea: did you mean vae?",
    "model.latentdim=3": "error: model.latentdim: model (vae) has no latentdim; did you mean model.latent_dim?",
    "trainer.max_epoch=3": "did you mean trainer.max_epochs?",
    "data.batchsize=3": "did you mean data.batch_size?",
    "debug=quick": "Allowed: fast, overfit, profile",
    "experiment=vae2d": "did you mean vae_2d?",
    "vae": "not of the form KEY=VALUE",
    "model.latent_dim=0": "error: model.latent_dim=0: should be greater than 0",
    "model.latent_dim=two": "model.latent_dim=two: should be a valid integer",
    "model.latent_dim=2.5": "model.latent_dim=2.5: should be a valid integer",
    "model.latent_dim=null": "model.latent_dim=None: should be a valid integer",
    "model.hidden_dims=500": "model.hidden_dims",
    "model.hidden_dims=[0]": "model.hidden_dims",
    "model.learning_rate=-1": "model.learning_rate=-1: should be greater than 0",
    "model.learning_rate=nan": "model.learning_rate=nan: should be a finite number",
    "model.learning_rate=inf": "model.learning_rate=inf: should be a finite number",
    "model.beta=-0.1": "model.beta=-0.1",
    "model.architecture=resnet": "should be 'mlp' or 'convolutional'",
    "model.binarization=random": "should be 'stochastic'",
    "model.activation=swish": "should be 'relu', 'tanh' or 'gelu'",
    "model.learning_rate_schedule=step": "should be 'constant' or 'cosine'",
    "evaluate=perhaps": "evaluate=perhaps: should be a valid boolean",
    "evaluate_every=-1": "should be greater than or equal to 0",
    "evaluation.samples=1": "evaluation.samples=1: should be greater than or equal to 100",
    "evaluation.ex_post=0": "evaluation.ex_post=0: should be greater than 0",
    "+evaluation.foo=1": "evaluation.foo: there is no such setting",
    "evaluation.sample=1000": "did you mean evaluation.samples?",
    "seed=-1": "seed=-1: should be greater than or equal to 0",
    "seed=abc": "error: seed=abc: should be a valid integer",
    "seed=99999999999": "seed=99999999999: should be less than 4294967296",
    "data.batch_size=0": "data.batch_size=0: should be greater than 0",
    "data.batch_size=10000000000000000000000000": "too large a number; use one between -2**63 and 2**63",
    "callbacks.samples.seed=99999999999999999999999": "callbacks.samples.seed=9999",
    "data.num_workers=999999": "data.num_workers=999999: should be less than or equal to",
    "data.root=absent": "error: data.root=absent: no such folder; name the folder that has",
    "data=folder": "data.root: is missing; data=folder needs data.root=PATH",
    "data=folder data.root=empty": "empty: no images in it; put PNG, JPEG, WebP or BMP files there",
    "data=folder data.root=empty data.channels=2": "data.channels=2: should be 1 or 3",
    "data=arrays data.root=file": "no .npz file of plain arrays, so it is not opened",
    "data=arrays data.root=empty": "data.root=empty: no file that can be read",
    "data=digits data.root=file": "leave data.root out",
    "data.image_size=32": "data (mnist) has no image_size",
    "+model.image_shape=[3,32,32]": "the images of data=mnist have [1, 28, 28]",
    "trainer.max_epochs=ten": "trainer.max_epochs=ten: should be a valid integer",
    "trainer.max_epochs=-5": "trainer: ",
    "trainer.precision=int4": "trainer.precision=int4: should be",
    "trainer.accelerator=gpu": "use trainer.accelerator=cpu or trainer.accelerator=auto",
    "trainer.accelerator=abacus": "trainer",
    "trainer.devices=99": "trainer.devices=99: this machine has",
    "trainer.limit_train_batches=-1": "trainer",
    "callbacks.samples.n=0": "callbacks.samples.n=0: should be greater than 0",
    "callbacks.samples.every_n_epochs=often": "callbacks.samples.every_n_epochs=often: should be a valid integer",
    "callbacks.sample.n=4": "did you mean callbacks.samples?",
    "logger=wandbb": "did you mean wandb?",
    "~model": "~model",
    "trainer.logger=true": "trainer",
    "model=flow model.latent_dim=2": "its latent is as large as the image",
    "model=gan trainer.gradient_clip_val=1.0": "leave it out",
    "model=gan model.objective=hing": "should be 'non_saturating'",
    "outputs=file": "Not a directory; make room, or choose another folder",
    "outputs=file/below": "file",
    "outputs=/proc/genlab": "/proc/genlab",
    "resume=absent": "absent: no such folder",
    "resume=file": "file: no such folder",
    "resume=": "no such folder",
    "resume=empty": "no run folder",
}


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edited(path, **changes):
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["genlab"] |= changes
    torch.save(checkpoint, path)


def another_size(path):
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"][next(iter(checkpoint["state_dict"]))] = torch.zeros(3, 3)
    torch.save(checkpoint, path)


def without_a_moment(path):
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["optimizer_states"][0]["state"][0]["exp_avg"]
    torch.save(checkpoint, path)


# what happened to a run folder that is then resumed → part of the answer
DAMAGES = {
    "config missing": (lambda run: (run / "config.yaml").unlink(), "no run folder, it has no config.yaml"),
    "config empty": (lambda run: (run / "config.yaml").write_text(""), "is missing"),
    "config no YAML": (lambda run: (run / "config.yaml").write_text("{"), "cannot be read"),
    "config binary": (lambda run: (run / "config.yaml").write_bytes(bytes(range(256))), "cannot be read"),
    "summary missing": (lambda run: (run / "summary.json").unlink(), "no run folder, it has no summary.json"),
    "summary truncated": (lambda run: truncated(run / "summary.json"), "summary.json: cannot be read"),
    "summary without status": (lambda run: (run / "summary.json").write_text("{}"), "status"),
    "last.ckpt empty": (lambda run: (run / "checkpoints/last.ckpt").write_bytes(b""), "last.ckpt: damaged"),
    "last.ckpt truncated": (lambda run: truncated(run / "checkpoints/last.ckpt"), "last.ckpt: damaged"),
    "last.ckpt noise": (lambda run: (run / "checkpoints/last.ckpt").write_bytes(b"noise" * 99), "last.ckpt: damaged"),
    "no checkpoint of genlab": (
        lambda run: torch.save({"a": 1}, run / "checkpoints/last.ckpt"),
        "not a checkpoint of genlab",
    ),
    "another version": (lambda run: edited(run / "checkpoints/last.ckpt", format=2), "install that version"),
    "another model": (lambda run: edited(run / "checkpoints/last.ckpt", model="GAN"), "of a GAN, but config.yaml"),
    "another size": (
        lambda run: another_size(run / "checkpoints/last.ckpt"),
        "has shape (3, 3), but the VAE",
    ),
    "optimizer damaged": (
        lambda run: without_a_moment(run / "checkpoints/last.ckpt"),
        "no states that the model's optimizers have made (ValueError: parameter 0 has not the step, exp_avg",
    ),
}


@pytest.fixture
def answer(tmp_path, monkeypatch, capfd):
    """answer(arguments) → exit code, stdout, stderr of train.py, run in this process, in an almost empty folder."""
    (tmp_path / "file").write_text("a file")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    genlab = logging.getLogger("genlab")
    before, environment = (list(genlab.handlers), genlab.propagate), dict(os.environ)

    def run(arguments):
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        GlobalHydra.instance().clear()
        with pytest.raises(SystemExit) as caught, warnings.catch_warnings():
            main()
        return caught.value.code, *capfd.readouterr()

    capfd.readouterr()
    yield run
    genlab.handlers, genlab.propagate = before
    os.environ.clear()
    os.environ.update(environment)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def assert_one_line(code, out, err, expected):
    assert code in (1, 2)
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if path.name != ".lock"}


@pytest.mark.parametrize("typed", OVERRIDES)
def test_a_wrong_command_is_answered_in_one_line_and_leaves_nothing(answer, tmp_path, typed):
    assert_one_line(*answer(typed.split(" ")), OVERRIDES[typed])
    assert {path.name for path in tmp_path.iterdir()} == {"file", "empty"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_answered_in_one_line_and_left_as_it_is(answer, finished, tmp_path, damage):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    harm, expected = DAMAGES[damage]
    harm(folder)
    before = contents(folder)
    assert_one_line(*answer(["resume=run", "trainer.max_epochs=2"]), expected)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("model.latent_dim=3", "a resumed run keeps its settings; only these"),
        ("seed=1", "a resumed run keeps its settings; only these"),
        ("-m", "No such option '-m'; see genlab resume --help"),
    ],
)
def test_what_a_resumed_run_is_cannot_be_changed(answer, finished, typed, expected):
    assert_one_line(*answer([f"resume={finished}", typed]), expected)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("harm", "expected"),
    [(truncated, "bytes that its header promises"), (lambda path: path.write_bytes(b"1234"), "not an IDX file")],
    ids=["truncated", "wrong magic"],
)
def test_a_damaged_data_file_is_named(answer, mnist_root, tmp_path, file, harm, expected):
    shutil.copytree(mnist_root, tmp_path / "empty", dirs_exist_ok=True)
    harm(tmp_path / "empty" / "MNIST" / "raw" / file)
    code, out, err = answer(["data.root=empty"])
    assert_one_line(code, out, err, expected)
    assert file in err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["model.latent_dim=0", "model=vea", "data.root=absent", "resume=absent"])
def test_a_process_of_its_own_answers_the_same(answer, tmp_path, typed):
    assert Training(tmp_path, typed).end() == answer([typed])


@pytest.mark.slow
def test_genlab_debug_shows_the_traceback(tmp_path):
    code, _, err = Training(tmp_path, "model.latent_dim=0", environment={"GENLAB_DEBUG": "1"}).end()
    assert code == 1
    assert "Traceback" in err
    assert "ConfigError: model.latent_dim=0" in err
