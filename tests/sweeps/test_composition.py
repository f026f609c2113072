"""Configs of many jobs are those that Hydra composes for each of them alone."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

from genlab.runs.configuration import config_dir, register_resolvers
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
]


@pytest.fixture
def hydra():
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        yield


def test_they_are_those_of_hydra(hydra):
    found = list(compose_each(JOBS))
    assert found == [compose("config", overrides) for overrides in JOBS]
    assert len({str(config) for config in found}) == len(JOBS)


def test_what_hydra_refuses_is_refused(hydra):
    with pytest.raises(HydraException, match="no_such"):
        list(compose_each([["seed=0"], ["model.no_such=1"]]))
