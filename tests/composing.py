"""Configs as Hydra composes them, each choice of groups only once in a process of the tests."""

from functools import cache

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from genlab.runs.configuration import config_dir, register_resolvers
from genlab.sweeps.composition import compose_each


def composed(*overrides: str) -> DictConfig:
    """What train.py gets from these overrides; a new object each time.

    Hydra takes some tenths of a second, and most tests differ only in values: they are the jobs of a sweep that goes
    on as long as the tests do (tests/sweeps/test_composition.py holds that its configs are Hydra's).
    """
    asked, configs = _sweep()
    asked.append(overrides)
    try:
        return next(configs)
    except BaseException:  # which ends that sweep
        _sweep.cache_clear()
        raise


@cache
def _sweep():
    register_resolvers()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["hydra.mode=MULTIRUN"], RunMode.MULTIRUN)
    asked: list[tuple[str, ...]] = []
    return asked, compose_each(master, loader, iter(asked.pop, None))
