"""What can be searched; wrong searches are answered in one line before anything starts."""

from types import SimpleNamespace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from genlab.callbacks.step_axis import Measured
from genlab.cli.overrides import check
from genlab.errors import ConfigError, NonFiniteError
from genlab.tuning.dimensions import choice, extremes, integer, log_uniform, override_value, uniform
from genlab.tuning.request import read_request
from genlab.tuning.search import build_search, options, read_settings
from genlab.tuning.trial_callbacks import NotLoggedError, Pruned, Pruning
from genlab.tuning.trial_config import TrialConfigs

SPACE = {"model.latent_dim": {"type": "integer", "low": 1, "high": 9}}


def search(**settings):
    return {"metric": "val/elbo", "direction": "maximise", "space": SPACE, **settings}


def space(**dimension):
    return search(space={"model.latent_dim": dimension})


@pytest.mark.parametrize("value", [3, -2, 0.5, 1e-7, True, None, "relu", "null", "true", "it's", "a b", "x\\", "[1]"])
def test_hydra_reads_the_value_that_was_meant(value):
    override = OverridesParser.create().parse_override(f"k={override_value([value, [value]])}")
    read = override.value()
    for got in (read[0], read[1][0]):
        assert (str(got) if isinstance(value, str) else got) == value


def test_a_dimension_knows_its_ends():
    assert extremes(log_uniform(1e-4, 0.1)) == ["0.0001", "0.1"]
    assert extremes(uniform(-1, 0.5)) == ["-1.0", "0.5"]
    assert extremes(integer(2, 8, step=3)) == ["2", "8"]
    assert extremes(integer(2, 9, step=3)) == ["2", "8"]
    assert extremes(choice([[300], [500, 500], "relu", None])) == ["[300]", "[500,500]", "relu", "null"]


@pytest.mark.parametrize(("metric", "direction"), [("val/elbo", "maximise"), ("val/fid_mnist", "minimise")])
def test_the_direction_is_that_of_the_quantity(metric, direction):
    assert build_search({"metric": metric, "space": SPACE}).direction == direction


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        (search(trials=0), "search.trials=0: should be greater than 0"),
        (search(trails=3), "search.trails: there is no such setting"),
        (search(direction="up"), "search.direction=up: should be 'maximise' or 'minimise'"),
        (search(space={}), "search.space={}: Dictionary should have at least 1 item"),
        ({"metric": "val/sharpness", "space": SPACE}, "search.direction: is missing"),
        (space(low=1, high=3), "search.space: model.latent_dim: has no type; Allowed: choice, integer"),
        (space(type="intger", low=1, high=3), "search.space: model.latent_dim: type: intger; did you mean integer?"),
        (space(type="integer", low=1), "search.space: model.latent_dim: high: is missing"),
        (space(type="integer", low=1.5, high=3), "search.space: model.latent_dim: low=1.5: should be a valid integer"),
        (
            space(type="integer", low=9, high=1),
            "search.space: model.latent_dim: `low <= high` must hold, but got (low=9, high=1)",
        ),
        (
            space(type="integer", low=0, high=3, log=True),
            "search.space: model.latent_dim: `low >= 1` must hold for `log=True`",
        ),
        (space(type="log_uniform", low=0.0, high=1), "search.space: model.latent_dim: low=0.0: should be greater"),
        (space(type="uniform", low=0, high=1, step=2), "search.space: model.latent_dim: step: there is no such"),
        (space(type="choice", options=[]), "search.space: model.latent_dim: options=[]: List should have at least 1"),
        (space(type="choice", options=[1, 1]), "search.space: model.latent_dim: options: one of them is there twice"),
        (
            space(type=["integer"], low=1),
            "search.space: model.latent_dim: type: ['integer']; did you mean integer? Allowed: choice, integer",
        ),
        (space(type="integer", low=1, high=10**400), "search.space: model.latent_dim: high=1000"),
        (space(type="uniform", low=1, high=float("inf")), "search.space: model.latent_dim: high=inf: should be a"),
        (space(type="integer", low="1", high=3), "search.space: model.latent_dim: low=1: should be a valid integer"),
        (space(type="choice", options=3), "search.space: model.latent_dim: options=3: should be a valid list"),
        (search(space={"model.latent_dim": 3}), "search.space=3: should be a valid dict"),
        (search(space=3), "search.space=3: should be a valid dict"),
        (search(metric=3), "search.metric=3: should be a valid string"),
        (search(overrides=3), "search.overrides=3: should be a valid list"),
        (search(trial_overrides=[3]), "search.trial_overrides=3: should be a valid string"),
        (search(trials=10**400), "search.trials=1000"),
        (space(type="choice", options=[{}]), "search.space: model.latent_dim: {}: should be a number, a text"),
    ],
)
def test_a_wrong_search_is_refused(settings, answer):
    with pytest.raises(ConfigError) as error:
        build_search(settings)
    assert str(error.value).startswith(answer)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "search=NAME is missing; Allowed: gan_fid, vae_nll"),
        (["search=vae_nl"], "search=vae_nl: did you mean vae_nll? Allowed: gan_fid, vae_nll, or a file"),
        (["search=absent.yaml"], "absent.yaml: no such file; searches that are there: gan_fid, vae_nll"),
        (["search=tagged.yaml"], "tagged.yaml: cannot be read (it has a YAML tag or alias"),
        (["search=deep.yaml"], "deep.yaml: cannot be read (it is nested more than"),
        (["search=folder.yaml"], "folder.yaml: not a file, or larger"),
        (["search=vae_nll", "search.trials=!!bool x"], "search.trials=!!bool x: should be a valid integer"),
        (["search=vae_nll", "search.trials=1:1:1"], "search.trials=1:1:1: should be a valid integer"),
        (["search=vae_nll", "search.trials=" + 3000 * "["], "search.trials=[[["),
        (["search=vae_nll", "search.trials=" + 5000 * "9"], "search.trials=999"),
        (["search=vae_nll", "search.trials=[1,{a: 2}]"], "search.trials=[1, {'a': 2}]: should be a valid integer"),
        (["search=list.yaml"], "list.yaml: should be a table of names and values"),
        (["search=broken.yaml"], "broken.yaml: cannot be read ("),
        (["search=vae_nll", "tune.foldr=x"], "tune.foldr: there is no such setting; did you mean tune.folder?"),
        (["search=vae_nll", "tune.folder="], "tune.folder=: has no value"),
        (["search=vae_nll", "search.trials=many"], "search.trials=many: should be a valid integer"),
        (["search=vae_nll", "search.space.x=1"], "search.space.x: a space is not changed on the command line"),
        (["search"], "search: not of the form KEY=VALUE"),
        (["tune.folder=absent"], "tune.folder=absent: has no search.yaml; say search=NAME to begin one there"),
    ],
)
def test_a_wrong_request_is_refused(tmp_path, monkeypatch, arguments, answer):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "broken.yaml").write_text("a: [1")
    (tmp_path / "tagged.yaml").write_text("metric: !!python/name:os.getcwd")
    (tmp_path / "deep.yaml").write_text("metric: " + 1000 * "[" + 1000 * "]")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError) as error:
        read_request(arguments)
    assert str(error.value).startswith(answer)


@pytest.mark.parametrize(
    ("argument", "folder"),
    [
        ("tune.folder='a b'", "a b"),
        ('tune.folder="a b"', "a b"),
        ("tune.folder=a b", "a b"),
        ("tune.folder=it's", "it's"),
        ("tune.folder=a,b", "a,b"),
        ("tune.folder=7", "7"),
    ],
)
def test_quotation_marks_are_no_part_of_a_folder(tmp_path, monkeypatch, argument, folder):
    monkeypatch.chdir(tmp_path)
    assert read_request(["search=vae_nll", argument]).folder == tmp_path / folder
    assert read_request(["search=vae_nll", "outputs='a b'"]).folder.parent == tmp_path / "a b" / "searches"


@pytest.mark.parametrize(
    ("changes", "more", "answer"),
    [
        ({}, ["model.latent_dim=3"], "model.latent_dim=3: model.latent_dim is searched; leave one of the two out"),
        ({}, ["model=flow"], "model.latent_dim: model=flow has none: its latent is as large as the image"),
        (
            {},
            ["trainer.max_epoch=3"],
            "trainer.max_epoch: trainer (default) has no max_epoch; did you mean trainer.max",
        ),
        ({}, ["run_dir=x"], "run_dir=x: a search decides that itself"),
        ({}, ["-m"], "-m: no such option"),
        (
            {"space": {"model.latentdim": SPACE["model.latent_dim"]}},
            [],
            "model.latentdim: model (vae) has no",
        ),
        ({"overrides": ["modle=vae"]}, [], "modle: the configuration has no modle; did you mean model?"),
    ],
)
def test_an_address_that_does_not_exist_is_refused(tmp_path, changes, more, answer):
    OmegaConf.save(OmegaConf.create(search(**changes)), tmp_path / "mine.yaml")
    with pytest.raises(ConfigError) as error:
        TrialConfigs(read_request([f"search={tmp_path / 'mine.yaml'}", *more]), check)
    assert str(error.value).startswith(answer)


def test_a_later_override_replaces_an_earlier_one(tmp_path):
    settings = search(overrides=["model=vae", "seed=1"], trial_overrides=["callbacks=search", "trainer.max_epochs=2"])
    OmegaConf.save(OmegaConf.create(settings), tmp_path / "mine.yaml")
    given = [f"search={tmp_path / 'mine.yaml'}", "model=gan", "trainer.gradient_clip_val=1.0"]
    configs = TrialConfigs(read_request(given), check)
    trial, best = configs.of_trial({"model.latent_dim": "7"}, "0003"), configs.of_best({"model.latent_dim": "7"})[1]
    assert trial.model._target_ == best.model._target_ == "genlab.models.gan.GAN"
    assert (trial.model.latent_dim, trial.seed, trial.trainer.gradient_clip_val) == (7, 1, 1.0)
    assert (trial.trainer.max_epochs, best.trainer.max_epochs) == (2, 50)
    assert ("samples" in trial.callbacks, "samples" in best.callbacks) == (False, True)
    assert trial.run_dir.endswith("/trials/0003")


@pytest.mark.parametrize("name", options())
def test_a_search_that_genlab_brings_has_settings_that_exist(name):
    request = read_request([f"search={name}"])
    assert read_settings(name)["metric"] == request.search.metric
    configs = TrialConfigs(request, check)
    first = {key: extremes(part)[0] for key, part in request.search.distributions.items()}
    assert configs.of_trial(first, "0").run_dir.startswith(str(request.folder))


def epoch_ends(pruning, trainer, epoch, **metrics):
    trainer.current_epoch = epoch - 1
    trainer.callback_metrics = {name.replace("_", "/"): value for name, value in metrics.items()}
    pruning.on_train_epoch_start(trainer, None)
    pruning.on_train_epoch_end(trainer, None)


@pytest.fixture
def trainer():
    return SimpleNamespace(check_val_every_n_epoch=1, callbacks=[], fit_loop=SimpleNamespace(total_batch_idx=0))


def test_pruning_tells_each_epoch_and_stops_before_the_next(trainer):
    told = []
    pruning = Pruning(build_search(search()), 0, lambda value, epoch: told.append((value, epoch)) or epoch == 3)
    for epoch, value in enumerate([-5.0, -2.0, -4.0], start=1):
        epoch_ends(pruning, trainer, epoch, val_elbo=value)
    assert told == [(-5.0, 1), (-2.0, 2), (-4.0, 3)]
    assert pruning.best == -2.0
    with pytest.raises(Pruned) as pruned:
        epoch_ends(pruning, trainer, 4, val_elbo=0.0)
    assert pruned.value.epoch == 3


def test_a_value_of_an_earlier_epoch_is_not_told_again(trainer):
    measured, told = Measured(), []
    trainer.callbacks.append(measured)
    pruning = Pruning(build_search(search()), 2, lambda value, epoch: told.append((value, epoch)))
    for epoch, value in enumerate([-5.0, -5.0, -4.0], start=1):
        trainer.fit_loop.total_batch_idx = 10 * epoch - 1
        if epoch != 2:
            measured.steps["val/elbo"] = 10 * epoch
        epoch_ends(pruning, trainer, epoch, val_elbo=value)
    assert told == [(-5.0, 1), (-4.0, 3)]


def test_where_less_is_better_the_best_is_the_least(trainer):
    pruning = Pruning(build_search(search(direction="minimise")), 0, lambda value, epoch: False)
    for epoch, value in enumerate([5.0, 2.0, 4.0], start=1):
        epoch_ends(pruning, trainer, epoch, val_elbo=value)
    assert pruning.best == 2.0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_fails_the_trial(trainer, value):
    pruning = Pruning(build_search(search()), 0, lambda value, epoch: False)
    with pytest.raises(NonFiniteError, match=r"val/elbo is (nan|inf) after epoch 2"):
        for epoch, now in enumerate([1.0, value], start=1):
            epoch_ends(pruning, trainer, epoch, val_elbo=now)


def test_a_metric_that_comes_every_second_epoch_is_waited_for(trainer):
    pruning = Pruning(build_search(search(metric="val/fid_mnist")), 2, lambda value, epoch: False)
    epoch_ends(pruning, trainer, 1, val_elbo=1.0)
    with pytest.raises(NotLoggedError, match=r"val/fid_mnist: is not logged; .*Allowed: val/elbo"):
        epoch_ends(pruning, trainer, 2, val_elbo=1.0)
