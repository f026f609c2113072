"""What loggers are told beside numbers, and which of them a stranger's config may name."""

import re
import sys

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.cli.overrides import check
from genlab.errors import ConfigError, RunError
from genlab.loggers.broadcast import log_picture, log_settings, log_text
from genlab.loggers.elsewhere import FILE, keep_id, read_id
from genlab.loggers.tensorboard import TensorBoard
from genlab.runs.classes import check_config
from genlab.runs.membership import group_of
from genlab.runs.record import recorded
from genlab.training.train import train


def test_a_picture_and_text_go_to_the_loggers_that_take_them(tmp_path):
    board, table = TensorBoard(str(tmp_path / "board")), CSVLogger(str(tmp_path / "table"))
    log_settings([board, table], tmp_path, {"model": "VAE", "seed": 3}, "elbo", new=True)
    log_picture([board, table], "samples", torch.rand(1, 8, 8), 7)
    log_text([board, table], "collapse", "the samples hardly differ", 7)
    board.log_metrics({"val/elbo": -98.5, "val/kl": 20.0, "val/fid_mnist": 4.0, "epoch": 2}, 9)
    board.save()
    table.save()
    told = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [event.step for event in told.Images("at a glance/samples")] == [7]
    shown_first = {"at a glance/elbo", "at a glance/fid_mnist"}
    assert set(told.Tags()["scalars"]) == {"val/elbo", "val/kl", "val/fid_mnist", *shown_first}
    assert told.Scalars("at a glance/elbo")[-1].value == -98.5
    (text,) = told.Tensors("description/text_summary")[0].tensor_proto.string_val
    assert b"VAE on data: seed 3" in text and f"genlab.load_run('{tmp_path}')".encode() in text
    assert "collapse/text_summary" in told.Tags()["tensors"]
    assert not [path for path in (tmp_path / "table").rglob("*.png")]
    assert "seed: 3" in next((tmp_path / "table").rglob("hparams.yaml")).read_text()


@pytest.mark.parametrize("package", ["wandb", "mlflow"])
def test_a_missing_package_is_one_line_with_the_command_of_pip(package, compose_config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ConfigError, match=re.escape(f"logger={package}: is not installed; pip install 'genlab[{package}]'")
    ):
        train(compose_config(f"logger={package}"))
    assert not (tmp_path / "run").exists()


def test_nobody_is_logged_in(compose_config, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=r"logger=wandb: nobody is logged in; .* logger\.wandb\.offline=true"):
        train(compose_config("logger=wandb"))
    assert not (tmp_path / "run").exists()


def test_a_refused_run_leaves_no_store_of_mlflow(compose_config, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)  # where MLflow makes its database
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigError, match=r"callbacks\.checkpoints\.monitor=val/elb"):
        train(compose_config("logger=mlflow", "callbacks.checkpoints.monitor=val/elb"))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///nowhere/mlflow.db")
    with pytest.raises(
        ConfigError, match=r"logger=mlflow: sqlite:///nowhere/mlflow\.db: no folder that can be written"
    ):
        train(compose_config("logger=mlflow"))
    assert list(tmp_path.iterdir()) == []


def test_several_loggers_are_a_list(compose_config):
    assert list(compose_config("logger=[tensorboard,wandb,csv]").logger) == ["tensorboard", "metrics_file", "wandb"]
    assert list(compose_config("logger=csv").logger) == ["metrics_file"]
    check(["logger=[tensorboard,mlflow]"])
    check(["-m", "logger=[tensorboard,mlflow],csv,none"])


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("logger=[csv,mlflo]", "logger=mlflo: did you mean mlflow? Allowed: csv, mlflow, none, tensorboard, wandb"),
        ("logger=[]", "logger=[]: Allowed: csv, mlflow, none, tensorboard, wandb; to go without an option"),
    ],
)
def test_a_wrong_list_is_answered(given, answer):
    with pytest.raises(ConfigError, match=re.escape(answer)):
        check([given])


def test_a_stranger_may_name_genlabs_loggers_and_no_address(compose_config, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")  # nobody is logged in
    monkeypatch.chdir(tmp_path)  # where MLflow makes its database
    config = recorded(compose_config("logger=[wandb,mlflow]"))
    check_config(config)
    for name in ("WandbLogger", "MLFlowLogger"):
        lightnings = config | {"logger": {"mine": {"_target_": f"pytorch_lightning.loggers.{name}"}}}
        with pytest.raises(RunError, match=f"logger.mine._target_: pytorch_lightning.loggers.{name} is not a class"):
            check_config(lightnings)
    for address in ("logger.mlflow.tracking_uri", "logger.wandb.entity", "logger.wandb.base_url"):
        with pytest.raises(ConfigError, match=f"{address}: there is no such setting"):
            train(compose_config("logger=[wandb,mlflow]", f"+{address}=elsewhere"))


def test_ids_stand_beside_one_another_and_nonsense_is_none(tmp_path):
    assert read_id(tmp_path, "wandb") is None
    keep_id(tmp_path, "wandb", "01234567")
    keep_id(tmp_path, "mlflow", "89ab" * 8)
    assert (read_id(tmp_path, "wandb"), read_id(tmp_path, "mlflow")) == ("01234567", "89ab" * 8)
    for damaged in ("[]", "{", '{"wandb": "../../x"}', '{"wandb": 7}'):
        (tmp_path / FILE).write_text(damaged)
        assert read_id(tmp_path, "wandb") is None


def test_the_group_of_a_run_is_its_sweep_or_its_search(tmp_path):
    (tmp_path / "grid").mkdir()
    (tmp_path / "grid" / "sweep.json").touch()
    assert group_of(tmp_path / "grid" / "0") == "grid"
    assert group_of(tmp_path / "search" / "trials" / "3") == "search"
    assert group_of(tmp_path / "vae" / "run") is None
