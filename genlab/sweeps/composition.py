"""The configs of many jobs, composed as Hydra does, and each choice of groups only once."""

import copy
from collections.abc import Iterable, Iterator, Sequence

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig


def compose_each(jobs: Iterable[Sequence[str]], searchpath: Sequence[str] = ()) -> Iterator[DictConfig]:
    """Overrides of each job → its config, inside `hydra.initialize_config_dir`.

    Hydra reads the files that the groups choose, and then sets the other values in their order. The first takes nearly
    all the time and is the same for jobs that differ in values alone, as seeds.

    Args:
        jobs: the overrides of each.
        searchpath: an override that names further folders of options, or none.
    """
    loader = GlobalHydra.instance().config_loader()
    assert isinstance(loader, ConfigLoaderImpl)
    _, repository = loader._parse_overrides_and_create_caching_repo("config", list(searchpath))
    parser = OverridesParser.create()
    known: dict[tuple[str, ...], DictConfig] = {}
    for texts in jobs:
        overrides = parser.parse_overrides(list(texts))
        chooses = [repository.group_exists(override.key_or_group) for override in overrides]
        groups = tuple(text for text, is_group in zip(texts, chooses, strict=True) if is_group)
        if groups not in known:
            known[groups] = compose("config", [*searchpath, *groups])
        config = copy.deepcopy(known[groups])
        values = [override for override, is_group in zip(overrides, chooses, strict=True) if not is_group]
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        yield config
