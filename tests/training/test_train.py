"""A whole run on stand-in data: the run folder, the event file, reproducibility, and how runs end."""

import csv
import json

import pytest
import torch
from conftest import first_is_quick, stand_in_config
from PIL import Image, ImageSequence
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import genlab
from genlab.errors import ConfigError
from genlab.models.vae import VAE
from genlab.training.train import train

QUICK = ["model.hidden_dims=[32]", "data.batch_size=100", "trainer.log_every_n_steps=1"]
QUICK += ["callbacks.test_nll.images=8", "callbacks.test_nll.samples=20", "trainer.max_epochs=2"]
BATCHES = 6  # an epoch of 550 images


@pytest.fixture
def run_folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture(scope="module")
def finished(mnist_root, tmp_path_factory):
    """One finished run, to look at: its folder and its metrics."""
    folder = tmp_path_factory.mktemp("finished")
    return folder / "run", train(stand_in_config(mnist_root, folder, *QUICK, "model.latent_dim=2"))


def events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def test_a_run_leaves_the_folder_that_the_design_names(finished):
    folder, _ = finished
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"config.yaml", "overrides.yaml", "summary.json", "metrics.csv", "images/samples.gif"} <= names
    assert {"checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= names
    pictures = ("samples", "reconstructions", "manifold", "codes")
    assert {f"images/{tag}/epoch_{epoch:04d}.png" for tag in pictures for epoch in range(3)} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert not any(name.startswith("profile") for name in names)


def test_the_event_file_has_scalars_and_pictures_on_one_axis_of_batches(finished):
    folder, metrics = finished
    accumulator = events(folder)
    tags = accumulator.Tags()
    assert {"at a glance/samples", "reconstructions", "manifold", "codes"} <= set(tags["images"])
    bounds = {f"{split}/{name}" for split in ("train", "val", "test") for name in ("elbo", "reconstruction", "kl")}
    glance = {"at a glance/train elbo", "at a glance/elbo"}
    assert set(tags["scalars"]) == bounds | glance | {"test/nll", "train/loss"}
    assert sorted(tags["scalars"] + tags["images"])[0].startswith("at a glance/")  # what TensorBoard shows first
    steps = {tag: [event.step for event in accumulator.Scalars(tag)] for tag in tags["scalars"]}
    assert steps["train/elbo"] == list(range(1, 2 * BATCHES + 1))
    assert steps["val/elbo"] == [BATCHES, 2 * BATCHES]
    assert steps["test/elbo"] == [2 * BATCHES]
    assert [event.step for event in accumulator.Images("at a glance/samples")] == [0, BATCHES, 2 * BATCHES]
    assert accumulator.Scalars("test/elbo")[-1].value == pytest.approx(metrics["test/elbo"], rel=1e-6)
    assert "description/text_summary" in tags["tensors"]


def test_the_axis_counts_batches_when_gradients_are_accumulated(compose_config, run_folder):
    train(compose_config(*QUICK, "++trainer.accumulate_grad_batches=4"))
    accumulator = events(run_folder)
    assert [event.step for event in accumulator.Scalars("val/elbo")] == [BATCHES, 2 * BATCHES]
    assert [event.step for event in accumulator.Images("at a glance/samples")] == [0, BATCHES, 2 * BATCHES]


def test_elbo_is_reconstruction_minus_kl_in_every_split(finished):
    _, metrics = finished
    for split in ("train", "val", "test"):
        difference = metrics[f"{split}/reconstruction"] - metrics[f"{split}/kl"]
        assert metrics[f"{split}/elbo"] == pytest.approx(difference, rel=1e-5)  # float32 sums


def test_the_importance_weighted_estimate_is_above_the_elbo(finished):
    _, metrics = finished
    assert metrics["test/nll"] < -metrics["test/elbo"]


def test_metrics_csv_has_what_tensorboard_has(finished):
    folder, _ = finished
    with (folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["train/elbo"]]
    scalars = events(folder).Scalars("train/elbo")
    assert [(int(row["step"]), pytest.approx(float(row["train/elbo"]), rel=1e-6)) for row in rows] == [
        (event.step, event.value) for event in scalars
    ]


def test_the_summary_has_metrics_with_their_protocol(finished):
    folder, metrics = finished
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["metrics"] == metrics
    assert summary["protocol"]["test/nll"].endswith("x drawn once for each image; first 8 test images")
    assert summary["estimators"]["test/nll"] == "upper bound: log-mean-exp of 20 importance samples"
    assert summary["estimators"]["val/elbo"] == "estimate: one sample of z an image"
    assert "drawn once" in summary["protocol"]["test/elbo"]
    assert (summary["model"], summary["data"], summary["seed"], summary["epochs"]) == ("VAE", "mnist", 0, 2)
    assert {"python", "torch", "pytorch-lightning"} <= set(summary["versions"])
    model = genlab.load(folder, device="cpu")
    assert summary["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_the_time_lapse_has_a_frame_for_each_picture(finished):
    folder, _ = finished
    with Image.open(folder / "images" / "samples.gif") as animation:
        assert animation.n_frames == 3
        tops = [frame.convert("L").crop((0, 0, frame.width, 20)) for frame in ImageSequence.Iterator(animation)]
    assert len({top.tobytes() for top in tops}) == 3  # `epoch 0`, `epoch 1`, `epoch 2`


def test_checkpoints_load_without_executing_code(finished):
    folder, _ = finished
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"]["latent_dim"] == 2


def weights(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def run_with(compose_config, run_folder, *overrides):
    train(compose_config(*QUICK, *overrides, f"run_dir={run_folder}"))
    return weights(run_folder)


def test_one_seed_gives_bitwise_equal_weights_and_another_does_not(compose_config, tmp_path):
    first, again, other = (
        run_with(compose_config, tmp_path / name, f"seed={seed}") for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_pictures_do_not_change_the_training(compose_config, tmp_path):
    with_pictures = run_with(compose_config, tmp_path / "a")
    without = run_with(compose_config, tmp_path / "b", "~callbacks.samples", "~callbacks.reconstructions")
    assert all(torch.equal(with_pictures[name], without[name]) for name in without)


def test_the_batch_size_of_evaluation_changes_no_metric(compose_config, tmp_path):
    def metrics(size):
        return train(compose_config(*QUICK, f"data.eval_batch_size={size}", f"run_dir={tmp_path / str(size)}"))

    small, large = metrics(7), metrics(100)
    assert small["test/elbo"] == pytest.approx(large["test/elbo"], rel=1e-5)  # float32, in another order


@pytest.mark.parametrize(
    "overrides",
    first_is_quick(
        [
            ["debug=fast"],
            ["debug=overfit", "trainer.max_epochs=1"],
            ["debug=profile"],
            ["logger=none"],
            ["++trainer.fast_dev_run=true"],
            ["++trainer.precision=bf16-mixed"],
            ["trainer.max_epochs=0"],
            ["model.architecture=convolutional", "++trainer.limit_train_batches=2"],
            ["model.importance_samples=5"],
            ["model.binarization=threshold", "model.beta=0.5", "model.kl_warmup_epochs=1"],
        ]
    ),
    ids=lambda overrides: overrides[0],
)
def test_presets_and_settings_run(compose_config, run_folder, overrides):
    metrics = train(compose_config(*QUICK, *overrides))
    assert metrics["test/elbo"] < 0
    assert json.loads((run_folder / "summary.json").read_text())["status"] == "finished"


def test_grey_pixels_come_with_a_warning(compose_config, run_folder):
    train(compose_config(*QUICK, "model.binarization=none"))
    summary = json.loads((run_folder / "summary.json").read_text())
    assert "surrogate" in summary["warnings"][0]
    assert "surrogate" in summary["protocol"]["test/elbo"]


def test_the_warm_up_rises_from_zero_to_beta(compose_config, monkeypatch):
    """In one tensor, and the step's constants agree meanwhile, so that the step can be recorded once."""
    betas, places, constants = [], set(), set()
    bounds = VAE.bounds

    def recorded(self, x, noise, beta=1.0, labels=None):
        if self.training:
            constants.add(self.step_constants(len(betas)))
            places.add(beta.data_ptr())
            betas.append(beta.item())
        return bounds(self, x, noise, beta, labels)

    monkeypatch.setattr(VAE, "bounds", recorded)
    train(compose_config(*QUICK, "model.kl_warmup_epochs=2", "model.beta=0.5", "trainer.max_epochs=3"))
    expected = [0.5 * batch / (2 * BATCHES) for batch in range(2 * BATCHES)] + [0.5] * BATCHES
    assert betas == pytest.approx(expected)
    assert len(places) == len(constants) == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.latent_dim=0", "model.latent_dim=0: should be greater than 0"),
        ("model.latent_dim=two", "model.latent_dim=two: should be a valid integer"),
        ("model.architecture=transformer", "model.architecture=transformer: should be 'mlp' or 'convolutional'"),
        ("trainer.max_epochs=ten", "trainer.max_epochs=ten: should be a valid integer"),
        ("trainer.max_epochs=-5", "trainer: .*non-negative integer"),
        ("++trainer.precision=int4", "trainer.precision=int4: should be"),
        ("++trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches=0: should be greater than 0"),
        ("data.batch_size=-5", "data.batch_size=-5: should be greater than 0"),
        ("seed=abc", "seed=abc: should be a valid integer"),
        ("seed=-1", "seed=-1: should be greater than or equal to 0"),
        ("callbacks.samples.n=0", "callbacks.samples.n=0: should be greater than 0"),
        ("+model.depth=3", "model.depth: there is no such setting"),
        ("++trainer.depth=3", "trainer.depth: there is no such setting"),
        ("++trainer.strategy=ddp_notebook", "trainer.strategy=ddp_notebook: its processes would wait for ever"),
        ("++trainer.profiler=xla", "trainer.profiler=xla: should be 'simple', 'advanced' or 'pytorch'"),
        ("data.batch_size=10000000000000000000000000", "data.batch_size=1000000.*: too large a number"),
        ("callbacks.samples.seed=99999999999999999999999", "callbacks.samples.seed=9999.*: too large a number"),
        ("callbacks.checkpoints.monitor=val/elbow", "checkpoints.monitor=val/elbow: .*did you mean val/elbo?"),
        (
            "++trainer.overfit_batches=0.01",
            "trainer.overfit_batches=0.01: less than one of the 5 train batches; use 0.2",
        ),
        ("++trainer.limit_train_batches=0.1", "trainer.limit_train_batches=0.1: less than one of the 5 train batches"),
        (
            "++trainer.limit_val_batches=0.5",
            "trainer.limit_val_batches=0.5: less than one of the 1 val batches; use 1.0",
        ),
        ("++trainer.limit_test_batches=0.01", "trainer.limit_test_batches=0.01: less than one of the 1 test batches"),
        ("trainer.accelerator=gpu", "trainer.accelerator=gpu: this machine has none; use trainer.accelerator=cpu or"),
    ],
)
def test_a_wrong_value_is_refused_under_its_address(compose_config, run_folder, override, message):
    if override == "trainer.accelerator=gpu" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match=message) as error:
        train(compose_config(override))
    assert "\n" not in str(error.value)
    assert not run_folder.exists()


def test_what_lightning_refuses_when_training_begins_is_a_wrong_setting(compose_config):
    monitor = "+callbacks.lr={_target_: pytorch_lightning.callbacks.LearningRateMonitor}"
    with pytest.raises(ConfigError, match=r"^trainer: Cannot use .LearningRateMonitor"):
        train(compose_config(*QUICK, "callbacks=search", "logger=none", monitor))


def test_a_package_that_a_callback_of_lightnings_lacks_is_named(compose_config, monkeypatch):
    def setup(*_args, **_kwargs):
        raise ModuleNotFoundError("`DeviceStatsMonitor` cannot log CPU stats as `psutil` is not installed.")

    monkeypatch.setattr("pytorch_lightning.callbacks.DeviceStatsMonitor.setup", setup)
    monitor = "+callbacks.stats={_target_: pytorch_lightning.callbacks.DeviceStatsMonitor}"
    with pytest.raises(ConfigError, match=r"^trainer: `DeviceStatsMonitor` cannot log CPU stats as `psutil` is not"):
        train(compose_config(*QUICK, "callbacks=search", monitor))


def test_a_run_that_fails_says_so_in_its_summary(compose_config, run_folder, monkeypatch):
    def fail(*args):
        raise RuntimeError("the second epoch")

    monkeypatch.setattr(VAE, "on_train_epoch_end", fail)
    with pytest.raises(RuntimeError):
        train(compose_config(*QUICK))
    summary = json.loads((run_folder / "summary.json").read_text())
    assert (summary["status"], summary["error"]) == ("failed", "RuntimeError: the second epoch")


def test_ctrl_c_is_an_interruption(compose_config, run_folder, monkeypatch):
    def press(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(VAE, "on_train_epoch_end", press)
    with pytest.raises(SystemExit):
        train(compose_config(*QUICK))
    assert json.loads((run_folder / "summary.json").read_text())["status"] == "interrupted"


def test_the_bundled_mnist_trains(compose_config, tmp_path, monkeypatch):
    """On the real images: 200 batches take the ELBO above that of a model which knows the mean image alone.

    The best product of Bernoullis, whose probabilities are the mean image, has −205.8 nats on the test images.
    """
    limits = ["++trainer.limit_train_batches=200", "trainer.max_epochs=1", "callbacks.test_nll.images=8"]
    metrics = train(compose_config("data.root=null", *limits))
    assert metrics["test/elbo"] > -205.8


@pytest.mark.parametrize("profiler", ["simple", "advanced", "pytorch"])
def test_a_profile_says_where_the_time_went(compose_config, run_folder, profiler):
    train(compose_config(*QUICK, "debug=profile", f"trainer.profiler={profiler}", "callbacks=search"))
    reports = [path.read_text() for path in (run_folder / "profile").glob("fit-*.txt")]
    assert any("run_training_batch" in report for report in reports)


def rows(folder, column):
    with (folder / "metrics.csv").open() as file:
        return {int(row["step"]): float(row[column]) for row in csv.DictReader(file) if row[column]}


def test_the_best_checkpoint_has_the_weights_that_its_value_was_measured_on(compose_config, run_folder, capsys):
    """Validation after 4 of the 6 batches of an epoch; at the end of an epoch there is no new number to show."""
    train(compose_config(*QUICK, "callbacks=search", "++trainer.val_check_interval=0.7"))
    best = torch.load(run_folder / "checkpoints" / "best.ckpt", weights_only=True)["genlab"]["batches"]
    summary = json.loads((run_folder / "summary.json").read_text())
    assert rows(run_folder, "val/elbo").keys() == {4, BATCHES + 4}
    assert summary["best"]["value"] == pytest.approx(rows(run_folder, "val/elbo")[best])
    epochs = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert [("train elbo" in line, "val elbo" in line) for line in epochs] == [(True, False)] * 2
    assert summary["protocol"]["val/elbo"].endswith("; measured after 10 of 12 batches")


@pytest.mark.parametrize(
    ("settings", "tag"),
    [
        (["++trainer.check_val_every_n_epoch=2"], "val elbo"),
        (["evaluate_every=2", "callbacks.sample_quality.n=50"], "fid_mnist"),
    ],
)
def test_a_number_is_shown_once(compose_config, run_folder, capsys, settings, tag):
    metrics = train(compose_config(*QUICK, "callbacks=search", "trainer.max_epochs=3", *settings))
    epochs = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert [tag in line for line in epochs] == [False, True, False]
    name = f"val/{tag.split()[-1]}"
    assert name in metrics
    protocol = json.loads((run_folder / "summary.json").read_text())["protocol"]
    assert protocol[name].endswith(f"measured after {2 * BATCHES} of {3 * BATCHES} batches")


def test_a_best_that_nothing_measures_is_told(compose_config, run_folder):
    train(
        compose_config(
            *QUICK, "callbacks=search", "trainer.max_epochs=1", "callbacks.checkpoints.monitor=val/fid_mnist"
        )
    )
    (warning,) = json.loads((run_folder / "summary.json").read_text())["warnings"]
    assert "no best.ckpt: callbacks.checkpoints.monitor=val/fid_mnist was not measured" in warning
    assert not (run_folder / "checkpoints" / "best.ckpt").exists()


def test_a_run_without_a_last_epoch_or_a_test_shows_neither(compose_config, capsys):
    limits = ["trainer.max_epochs=-1", "++trainer.max_steps=7", "++trainer.limit_test_batches=0"]
    train(compose_config(*QUICK, "callbacks=search", *limits))
    out = capsys.readouterr().out
    assert "\nepoch 1   train elbo" in out
    assert "stopped      by trainer.max_steps=7, in epoch 2\n" in out
    assert "\ntest " not in out
