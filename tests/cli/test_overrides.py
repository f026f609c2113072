"""Names on the command line: what is let through, and what is answered."""

import pytest

from genlab.cli.names import UNNAMED, train
from genlab.cli.overrides import KNOWN, check, typed
from genlab.errors import ConfigError
from genlab.runs.classes import OBJECTS


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["model=vae", "model.latent_dim=2", "seed=0"],
        ["model.hidden_dims=[500,500]"],
        ["model.hidden_dims.0=300"],
        ["experiment=vae_2d", "debug=fast"],
        ["-m", "model=vae", "model.latent_dim=2,20", "seed=0,1"],
        ["-m", "seed=range(3)", "data=mnist,fashion_mnist"],
        ["hydra.run.dir=/tmp/here"],
        ["--cfg", "job"],
        ["+model.new=1"],
        [
            "+callbacks.lr._target_=pytorch_lightning.callbacks.LearningRateMonitor",
            "+callbacks.lr.logging_interval=epoch",
        ],
        ["+logger.csv._target_=pytorch_lightning.loggers.CSVLogger"],
        ["+width=30", "model.hidden_dims=['${width}']"],  # the second reads the first
        ["-m", "model=glob(*)", "seed=range(2)"],
        ["callbacks.samples.n=16", "logger=none"],
        ["experiment=flow_matching_best", "callbacks=search"],  # which sets pictures that are then left out
    ],
)
def test_right_names_pass_as_they_are(arguments):
    assert check(arguments) == arguments


@pytest.mark.parametrize("value", ["limit_train_batches=20", "precision=bf16-mixed", "gradient_clip_val=0.5"])
def test_any_argument_of_the_trainer_needs_no_plus(value):
    assert check([f"trainer.{value}"]) == [f"++trainer.{value}"]


def test_the_shape_of_images_needs_no_plus_either():
    assert check(["model.image_shape=[3,32,32]"]) == ["++model.image_shape=[3,32,32]"]


def test_several_settings_that_no_config_names_are_found_together():
    given = ["trainer.limit_train_batches=20", "model.latent_dim=2", "trainer.precision=32-true"]
    assert check(given) == [f"++{given[0]}", given[1], f"++{given[2]}"]


def test_overrides_are_as_typed_without_the_plus_of_genlab():
    arguments = [
        "trainer.precision=bf16-mixed",
        "model.image_shape=[1,28,28]",
        "++model.latent_dim=3",
        "trainer.devices=2",
    ]
    assert typed(check(arguments)) == arguments


def test_the_flags_are_those_of_hydra():
    from hydra._internal.utils import get_args_parser

    flags = {flag for action in get_args_parser()._actions for flag in action.option_strings}
    assert {flag for param in train.params for flag in param.opts if flag.startswith("-")} == flags


def test_the_names_at_the_top_are_those_of_the_config(compose_config):
    assert {*compose_config(), "hydra"} == set(KNOWN)


def test_flags_may_stand_anywhere():
    assert check(["seed=0,1", "-m", "model=vae"]) == ["-m", "seed=0,1", "model=vae"]


def test_trainer_arguments_are_those_of_lightning():
    import inspect

    from pytorch_lightning import Trainer

    expected = set(inspect.signature(Trainer).parameters) - set(OBJECTS)
    assert set(UNNAMED) == {"model.image_shape", *(f"trainer.{name}" for name in expected)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["modle=vae"], ["modle", "did you mean model?", "trainer"]),
        (["model=vea"], ["model=vea", "did you mean vae?"]),
        (["model.latentdim=3"], ["model.latentdim", "did you mean model.latent_dim?", "beta"]),
        (["trainer.max_epoch=3"], ["did you mean trainer.max_epochs?"]),
        (["trainer.limit_train_batch=3"], ["did you mean trainer.limit_train_batches?"]),
        (["trainer.logger=false"], ["trainer.logger", "Allowed"]),
        (["data=minst"], ["did you mean mnist?"]),
        (["experiment=vae2d"], ["did you mean vae_2d?"]),
        (["debug=quick"], ["fast, overfit, profile"]),
        (["callbacks.sample.n=3"], ["did you mean callbacks.samples?"]),
        (["data.batch=3"], ["did you mean data.batch_size?"]),
        (["sed=3"], ["did you mean seed?"]),
        (["latent_dim=3"], ["latent_dim", "Allowed"]),
        (["model.latent_dim.x=3"], ["model.latent_dim.x"]),
        (["vae"], ["KEY=VALUE"]),
        (["model.latent_dim=[2"], ["KEY=VALUE"]),
        (["--modle", "vae"], ["--modle", "--help"]),
        (["-m", "model=vae,vea"], ["model=vea"]),
        (["-m", "data=mnist,minst", "seed=0,1"], ["data=minst"]),
        (["-m", "model.latentdim=2,20"], ["did you mean model.latent_dim?"]),
        (["model=flow", "model.latent_dim=2"], ["model.latent_dim", "as large as the image"]),
        (["-m", "model=vae,flow", "model.latent_dim=2"], ["model=flow", "as large as the image"]),
        (["hydra.runn.dir=x"], ["did you mean hydra.run?"]),
        (["~model.latentdim"], ["did you mean model.latent_dim?"]),
        (["+callbacks.mine.n=1"], ["callbacks.mine: names no class"]),
        (["model=flow_matching", "callbacks=search", "callbacks.traversals.every_n_epochs=1"], ["names no class"]),
        (["+foo=1"], ["foo: the configuration has no foo", "Allowed: callbacks"]),
        (["-m", "+foo=1,2"], ["foo: the configuration has no foo"]),
        (["+foo=${seed}"], ["foo: the configuration has no foo"]),
        (["-m", "+sweep.foo=1"], ["sweep.foo: sweep has no foo", "keep, resume"]),
        (["+hydra.foo=1"], ["hydra.foo: hydra has no foo"]),
        (["+model@x.y=vae"], ["x: the configuration has no x"]),
        (["model={a: 1}"], ["model.a: model (vae) has no a"]),
        (["model.hidden_dims.x=3"], ["model.hidden_dims.x=3"]),
        (["-p", "foo"], ["--package: only with --cfg"]),
        (["--cfg", "hydra", "--resolve"], ["--resolve", "use --cfg job --resolve"]),
        (["--experimental-rerun", "absent"], ["--experimental-rerun absent: no such file"]),
        (["hydra.run.dir="], ["hydra.run.dir=: should be the name of a folder"]),
        (["hydra.sweep.dir="], ["hydra.sweep.dir=: should be the name of a folder"]),
        (["++trainer._target_=builtins.dict"], ["trainer: should be made by genlab.training.trainer"]),
        (["evaluation=3"], ["evaluation: should be made by"]),
        (["~evaluation"], ["~evaluation: a run needs it"]),
        (["trainer.max_epochs=1,2"], ["trainer.max_epochs=1,2: several values; add -m"]),
        (["-m", "seed=range(0,3,0)"], ["seed=range(0,3,0): "]),
        (["-m", "model=glob(x*)"], ["model=glob(x*): fits no option", "flow"]),
    ],
)
def test_a_wrong_name_is_answered_in_one_line_with_what_is_allowed(arguments, words):
    with pytest.raises(ConfigError) as error:
        check(arguments)
    message = str(error.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
    assert not message.startswith("+")


@pytest.fixture
def own_folder(tmp_path):
    """A folder of configs with one experiment, under a name that needs quotation marks."""
    folder = tmp_path / "it's mine"
    (folder / "experiment").mkdir(parents=True)
    (folder / "experiment" / "own.yaml").write_text("# @package _global_\nmodel: {latent_dim: 3}\n")
    return folder


def test_options_of_a_users_folder_are_there_besides_those_of_genlab(own_folder):
    for experiment in ("own", "vae_2d"):
        arguments = ["--config-dir", str(own_folder), f"experiment={experiment}", "seed=1"]
        assert check(arguments) == arguments
    with pytest.raises(ConfigError, match=r"did you mean own\? Allowed: autoencoder_2d, .*own, "):
        check(["--config-dir", str(own_folder), "experiment=onw"])
    with pytest.raises(ConfigError, match="Allowed: autoencoder_2d"):
        check(["experiment=own"])  # of another command the folder is not known


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--config-dir", "absent"], "--config-dir absent: no such folder; give one with folders as experiment/ in it"),
        (["search=vae_nll"], "search=vae_nll: a run has no search; genlab tune search=vae_nll runs one"),
    ],
)
def test_what_belongs_elsewhere_is_told_so(arguments, answer):
    with pytest.raises(ConfigError) as error:
        check(arguments)
    assert str(error.value) == answer
