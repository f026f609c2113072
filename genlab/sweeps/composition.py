"""The configs of many jobs, composed as Hydra does, and each choice of groups only once."""

import functools
import pickle
from collections.abc import Iterable, Iterator, Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException


def compose_each(master: DictConfig, loader: ConfigLoader, jobs: Iterable[Sequence[str]]) -> Iterator[DictConfig]:
    """Overrides of each job → its config, without Hydra's part.

    Reading the files that the groups choose takes nearly all the time, and is the same for jobs that differ only in
    values, as seeds: those are set afterwards. `master` is the config of the sweep, with Hydra's part.
    """
    name, given = master.hydra.job.config_name, list(master.hydra.overrides.hydra)
    parse = functools.cache(OverridesParser.create().parse_override)

    @functools.cache
    def is_group(key: str) -> bool:
        # a tenth of a second, which no setting of a group needs: a group's parts have / between them
        return "." not in key and bool(loader.get_group_options(key, config_name=name, overrides=given))

    def is_value(override: Override) -> bool:
        special = override.is_delete() or override.is_add() or override.package is not None
        return not special and not is_group(override.key_or_group)

    @functools.cache
    def compose(texts: tuple[str, ...]) -> bytes:
        config = loader.load_sweep_config(master, list(texts))
        with open_dict(config):
            config.pop("hydra")
        return pickle.dumps(config)  # copying the config itself takes ten times as long

    for texts in jobs:
        overrides = [parse(text) for text in texts]
        values = [override for override in overrides if is_value(override)]
        others = tuple(text for text, override in zip(texts, overrides, strict=True) if not is_value(override))
        if _overlap(values, [parse(text) for text in others]):
            yield pickle.loads(compose(tuple(texts)))
            continue
        config: DictConfig = pickle.loads(compose(others))
        try:
            for override in values:
                OmegaConf.update(config, override.key_or_group, override.value(), force_add=override.is_force_add())
        except OmegaConfBaseException:
            compose(tuple(texts))  # Hydra's error names the override
            raise
        yield config


def _overlap(values: Sequence[Override], others: Sequence[Override]) -> bool:
    """Whether their order matters: one sets, adds or deletes a part of what another does."""
    ours = [f"{override.key_or_group}." for override in values]
    theirs = [f"{override.key_or_group}." for override in others if override.is_add() or override.is_delete()]
    return any(one.startswith(other) or other.startswith(one) for one in ours for other in theirs)
