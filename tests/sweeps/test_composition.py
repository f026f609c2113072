"""Configs of many jobs are those that Hydra composes for each of them alone."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from genlab.runs.configuration import config_dir, register_resolvers
from genlab.runs.identity import fingerprint
from genlab.sweeps.composition import compose_each

JOBS = [
    ["seed=3", "model.latent_dim=7"],
    ["model=gan", "seed=1", "model.latent_dim=7"],
    ["model.latent_dim=9", "model=vae"],
    ["+trainer.precision=bf16-mixed", "~logger", "model.hidden_dims=[1,2]"],
    ["debug=fast", "trainer.max_epochs=${seed}", "experiment=report_gan"],
    ["model=gan", "seed=2", "model.latent_dim=8", "~callbacks.samples"],
    ["seed=4"],
    ["model={latent_dim:3}"],
    ["+model.new={a:1}", "model.new.a=2", "seed=5"],  # their order matters
    ["model.hidden_dims=[1]", "+model.hidden_dims=[2]"],
    ["model.beta=2", "~model.beta", "++model.beta=3"],
]


@pytest.fixture
def hydra():
    """Hydra's loader, and the config of a sweep."""
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield loader.load_configuration("config", ["hydra.mode=MULTIRUN"], RunMode.MULTIRUN), loader


def marks(configs):
    for config in configs:
        config.run_dir = "."
    return [fingerprint(OmegaConf.to_container(config, resolve=True)) for config in configs]


def test_they_are_those_of_hydra(hydra):
    found, expected = list(compose_each(*hydra, JOBS)), [compose("config", overrides) for overrides in JOBS]
    assert found == expected
    assert len({str(config) for config in found}) == len(JOBS)
    assert marks(found) == marks(expected)


def test_each_choice_of_groups_is_composed_once(hydra, monkeypatch):
    master, loader = hydra
    composed = []
    original = loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda *given: composed.append(given[1]) or original(*given))
    jobs = [[f"model={model}", f"seed={seed}"] for model in ("vae", "gan") for seed in range(10)]
    assert len({str(config) for config in compose_each(master, loader, jobs)}) == 20
    assert composed == [["model=vae"], ["model=gan"]]


def test_what_hydra_refuses_is_refused(hydra):
    with pytest.raises(HydraException, match="no_such"):
        list(compose_each(*hydra, [["seed=0"], ["model.no_such=1"]]))
