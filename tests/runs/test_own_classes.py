"""What train accepts every command accepts: Lightning's classes, and a user's own that the user vouches for."""

import sys
from importlib.util import find_spec

import pytest
import yaml
from omegaconf import OmegaConf

import genlab
from genlab.errors import ConfigError, RunError
from genlab.runs.classes import MODEL_SECTIONS, SECTIONS, check_config, classes_named_in
from genlab.runs.construction import construct, located
from genlab.runs.reading import open_run
from genlab.runs.record import save_config
from genlab.runs.trust import read_config
from genlab.training.resume import resume
from genlab.training.train import build, train

SMALL = ["callbacks=search", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2", "model.hidden_dims=[4]"]
SMALL += ["data.batch_size=300", "trainer.max_epochs=1"]

PACKAGE = '''
import subprocess
from os import system
from subprocess import Popen

from pytorch_lightning import Callback
from genlab.models.vae import VAE


class Own(VAE):
    """A model."""


class Silent(Callback):
    """A callback."""


class Greedy(Callback):
    def __init__(self):
        raise MemoryError


class Heard(Callback):
    def setup(self, trainer, pl_module, stage):
        print("heard")
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of a package that can be imported."""
    (tmp_path / "packages" / "of_a_user").mkdir(parents=True)
    (tmp_path / "packages" / "of_a_user" / "__init__.py").write_text(PACKAGE)
    (tmp_path / "packages" / "of_a_user" / "broken.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    yield "of_a_user"
    for name in [name for name in sys.modules if name.partition(".")[0] == "of_a_user"]:
        del sys.modules[name]


@pytest.fixture
def config(compose_config, tmp_path):
    save_config(compose_config(), [], tmp_path / "run")
    return yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())


def refused(config, words, **more):
    with pytest.raises(RunError, match=words):
        check_config(config, **more)


@pytest.mark.parametrize(
    "target",
    ["pytorch_lightning.callbacks.LearningRateMonitor", "pytorch_lightning.callbacks.lr_monitor.LearningRateMonitor"],
)
def test_lightnings_callbacks_are_known(config, target):
    config["callbacks"]["lr"] = {"_target_": target, "logging_interval": "epoch"}
    check_config(config)


def test_lightnings_loggers_that_write_files_are_known_and_those_that_send_are_not(config):
    config["logger"]["csv"] = {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": "tables"}
    check_config(config)
    config["logger"]["wandb"] = {"_target_": "pytorch_lightning.loggers.WandbLogger"}
    refused(config, "--trust pytorch_lightning")
    check_config(config, trust=("pytorch_lightning",))


@pytest.mark.parametrize("place", ["/home", "~/x", "a/../../b", "s3://bucket/x"])
def test_lightnings_classes_are_not_sent_out_of_the_folder(config, place):
    config["callbacks"]["theirs"] = {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", "dirpath": place}
    refused(config, r"callbacks\.theirs\.dirpath=.*: a place outside the run folder")
    check_config(config, trust=("pytorch_lightning",))
    config["callbacks"]["theirs"]["dirpath"] = "own"
    check_config(config)


def test_a_callback_may_have_any_name(config):
    config["callbacks"]["more_samples"] = dict(config["callbacks"]["samples"])
    check_config(config)
    config["callbacks"]["more_samples"]["_target_"] = config["model"]["_target_"]
    refused(config, "is not a class that genlab's configs name there")


def test_where_only_the_model_is_loaded_only_what_it_needs_is_looked_at(config):
    config |= {"foo": 1, "bar": {"a": [2]}, "callbacks": {"x": {"_target_": "os.system"}}, "trainer": {"_target_": "x"}}
    check_config(config, MODEL_SECTIONS)
    refused(config, "bar={.*}: not a setting of a run")
    config["model"]["_target_"] = "os.system"
    refused(config, "model._target_: os.system is not a class", sections=MODEL_SECTIONS)


def test_a_setting_that_nothing_reads_is_no_part_of_a_run(compose_config, tmp_path):
    save_config(compose_config("+foo=[7]", "+bar.width=9", "model.hidden_dims=${foo}"), [], tmp_path / "run")
    config = read_config(tmp_path / "run" / "config.yaml")
    assert set(config) == {*SECTIONS, "seed", "evaluate", "evaluate_every", "outputs", "run_dir"}
    assert config["model"]["hidden_dims"] == [7]


def test_an_older_run_may_have_one(config):
    check_config(config | {"foo": 1})


def test_a_strangers_class_is_refused_with_the_way_to_allow_it(config):
    config["model"]["_target_"] = "of_a_user.Own"
    refused(
        config, "of_a_user.Own is not a class that genlab's configs name there, so it is not run; --trust of_a_user"
    )
    check_config(config, trust=("of_a_user",))
    check_config(config, trust=("of_a_user.Own",))
    refused(config, "--trust of_a_user", trust=("of_a",))


def test_the_configs_of_a_user_vouch_for_their_classes(tmp_path, config):
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "own.yaml").write_text(
        "# @package _global_\nmodel:\n  _target_: of_a_user.Own\n  encoder: {_target_: of_a_user.Net}\n"
    )
    assert set(classes_named_in(tmp_path / "conf")) == {"of_a_user.Own", "of_a_user.Net"}


@pytest.mark.parametrize("name", ["subprocess.Popen", "Popen", "system", "subprocess", "nothing", "Own.cycle"])
def test_a_package_is_vouched_for_only_with_what_it_defines(package, name):
    with pytest.raises(ConfigError, match=rf"model\._target_=of_a_user\.{name}: (no class of|cannot be imported)"):
        located(f"{package}.{name}", "model")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken.Net", "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"),
        ("Own_", "AttributeError: module 'of_a_user' has no attribute 'Own_'"),
        ("absent.Net", "ModuleNotFoundError: No module named 'of_a_user.absent'"),
    ],
)
def test_why_a_class_cannot_be_imported_is_told(package, name, why):
    with pytest.raises(ConfigError, match=rf"_target_=of_a_user\.{name}: cannot be imported \({why}\)"):
        located(f"{package}.{name}", "model")


def test_a_class_of_another_kind_is_refused_before_training(package, compose_config):
    with pytest.raises(ConfigError, match=r"callbacks\.x\._target_=of_a_user\.Own: no Callback; name another class"):
        build(compose_config("+callbacks.x._target_=of_a_user.Own"))


def test_nested_classes_are_looked_at_too(package):
    node = OmegaConf.create({"_target_": "of_a_user.Silent", "x": {"_target_": "of_a_user.subprocess.Popen"}})
    with pytest.raises(ConfigError, match=r"callbacks\.a\.x\._target_=of_a_user\.subprocess\.Popen"):
        construct(node, "callbacks.a", object)


def test_too_little_memory_is_told_though_python_says_nothing(package):
    node = OmegaConf.create({"_target_": "of_a_user.Greedy"})
    with pytest.raises(ConfigError, match=r"callbacks\.a: MemoryError; choose smaller numbers"):
        construct(node, "callbacks.a", object)


def test_what_cannot_be_accepted_later_is_refused_before_training(compose_config, tmp_path):
    for override in ("++model.encoder={_partial_: true}", "+trainer.logger=true", "++callbacks.samples._args_=[1]"):
        with pytest.raises(ConfigError, match=r"not a plain setting|not a setting of a run"):
            train(compose_config(override))
    assert not (tmp_path / "run").exists()


def test_a_model_that_says_nothing_of_what_it_logs_is_refused_in_one_line(compose_config, tmp_path):
    with pytest.raises(ConfigError, match=r"has no quantities; see Reports in genlab\.capabilities"):
        train(compose_config("~model", "+model._target_=pytorch_lightning.demos.boring_classes.BoringModel"))
    assert not (tmp_path / "run").exists()


def test_a_run_with_own_classes_is_loaded_and_resumed(package, compose_config, tmp_path, capsys):
    own = ["model._target_=of_a_user.Own", "+callbacks.heard._target_=of_a_user.Heard", "+foo=1"]
    train(compose_config(*SMALL, *own))
    assert "heard" in capsys.readouterr().out
    with pytest.raises(RunError, match="--trust of_a_user allows it"):
        genlab.load(tmp_path / "run")
    with pytest.raises(RunError, match="--trust of_a_user allows it"):
        resume(str(tmp_path / "run"), ["trainer.max_epochs=2"])
    assert type(genlab.load(tmp_path / "run", trust=("of_a_user",))).__name__ == "Own"
    resume(str(tmp_path / "run"), ["trainer.max_epochs=2"], trust=("of_a_user",))
    assert open_run(tmp_path / "run", trust=("of_a_user",)).summary["epochs"] == 2


def test_lightnings_loggers_write_into_the_run_folder(compose_config, tmp_path):
    loggers = ["logger=none", "+logger.csv._target_=pytorch_lightning.loggers.CSVLogger"]
    loggers += ["+logger.theirs._target_=pytorch_lightning.loggers.TensorBoardLogger", "+logger.theirs.name=theirs"]
    train(compose_config(*SMALL, *loggers))
    resume(str(tmp_path / "run"), ["trainer.max_epochs=2"])
    assert "val/elbo" in (tmp_path / "run" / "lightning_logs" / "version_0" / "metrics.csv").read_text()
    assert list((tmp_path / "run" / "theirs" / "version_0").glob("events.out.tfevents.*"))


def test_a_config_cannot_send_genlabs_loggers_elsewhere(compose_config, tmp_path):
    trainer = build(compose_config(f"+logger.metrics_file.folder={tmp_path / 'elsewhere'}")).trainer
    assert {logger.save_dir for logger in trainer.loggers if logger.save_dir} == {str(tmp_path / "run")}
    assert trainer.loggers[1].path == tmp_path / "run" / "metrics.csv"


def test_classes_of_an_older_run_are_found_where_they_are_now(config, tmp_path):
    path = tmp_path / "run" / "config.yaml"
    text = path.read_text()
    for now, before in [
        ("genlab.training.trainer.CheckedTrainer", "genlab.checked_trainer.CheckedTrainer"),
        ("genlab.callbacks.latent_space.Manifold", "genlab.callbacks.manifold.Manifold"),
        ("genlab.callbacks.samples.ExPostSamples", "genlab.callbacks.ex_post_samples.ExPostSamples"),
    ]:
        assert now in text
        text = text.replace(now, before)
    path.write_text(text)
    assert read_config(path) == config


def test_a_class_may_lie_in_the_current_folder_which_is_searched_for_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "only_here.py").write_text("class Own:\n    pass\n")
    assert located("genlab.models.vae.VAE", "model").__name__ == "VAE"
    assert find_spec("only_here") is None
    assert located("only_here.Own", "model").__name__ == "Own"
