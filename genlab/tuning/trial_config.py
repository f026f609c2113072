"""The settings of a trial → the config of a run; those of the best → an experiment that `python train.py` runs."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genlab.errors import ConfigError, RunError
from genlab.runs.atomic import write_text
from genlab.runs.classes import check_config, classes_named_in
from genlab.runs.configuration import config_dir, quoted
from genlab.tuning.dimensions import extremes
from genlab.tuning.request import Request, key, merged

# The overrides of a command line → the same as Hydra should get them
Check = Callable[[list[str]], list[str]]

REFUSED = ("run_dir", "hydra", "resume", "sweep", "evaluate")
GROUPS = ("data", "trainer", "logger", "callbacks", "model")  # whose options an experiment chooses
PLACES = ("outputs", "run_dir", "hydra", "sweep")  # not part of an experiment


class TrialConfigs:
    """Composes the configs of a search's trials, and of its best one.

    A search may come from a stranger, so each config obeys the rules of a run folder (`genlab.runs.trust`).

    Args:
        request: its overrides and addresses are checked here, as `python train.py` checks them.
        check: what checks them.
        users: folder of the user's configs, as of `python train.py --config-dir`.
        trust: packages, modules or classes that the user vouches for.

    Raises:
        ConfigError: a setting that does not exist, that may not be run, or that is given and searched at once.
    """

    def __init__(self, request: Request, check: Check, users: Path | None = None, trust: Sequence[str] = ()) -> None:
        search = request.search
        self.users = users
        # what Hydra must be told to find the user's configs
        self._searchpath = [f"hydra.searchpath=[{quoted(f'file://{users}')}]"] if users else []
        self._trust = (*trust, *(classes_named_in(users) if users else ()))
        self._folder = request.folder
        self._fixed = merged(search.overrides or [], request.overrides)
        self._in_trials = merged(search.overrides or [], search.trial_overrides or [], request.overrides)
        self._bounds = {name: extremes(part) for name, part in search.distributions.items()}
        self._first = {name: bounds[0] for name, bounds in self._bounds.items()}
        for text in self._in_trials:
            if key(text) in search.space:
                raise ConfigError(f"{text}: {key(text)} is searched; leave one of the two out")
        for text in self.typed(self._first):
            if text.startswith("-"):
                raise ConfigError(f"{text}: no such option; see genlab tune --help")
            if any(part.split(".")[0] in REFUSED for part in re.split("[/@:]", key(text))):
                raise ConfigError(f"{text}: a search decides that itself; leave it out")
        given = check([*(["--config-dir", str(users)] if users else []), *self.typed(self._first)])
        # an argument of the Trainer that no config names
        self._forced = {key(text) for text in given if text.startswith("++")}

    def candidates(self) -> list[tuple[str, DictConfig]]:
        """Each bound and each option once, with the first of the other settings: (override, config)."""
        pairs = [(name, value) for name, bounds in self._bounds.items() for value in bounds]
        return [(f"{name}={value}", self.of_trial({**self._first, name: value}, "check")) for name, value in pairs]

    def of_trial(self, values: Mapping[str, str], name: str) -> DictConfig:
        """The resolved config of a run in the folder `trials/name`."""
        folder = self._folder / "trials" / name
        place = [f"run_dir={quoted(str(folder))}", f"outputs={quoted(str(folder.parent))}"]
        return self._compose([*self.typed(values), *place])[1]

    def typed(self, values: Mapping[str, str]) -> list[str]:
        """The overrides by which a trial differs from the defaults."""
        return [*self._in_trials, *(f"{name}={value}" for name, value in values.items())]

    def of_best(self, values: Mapping[str, str]) -> tuple[DictConfig, DictConfig]:
        """What the best experiment is to give, without what holds only for the trials: as composed, and resolved."""
        return self._compose([*self._fixed, *(f"{name}={value}" for name, value in values.items()), "run_dir=best"])

    def deletions(self) -> list[str]:
        """Overrides that delete something, which no file of an experiment can do."""
        return [text for text in self._fixed if text.startswith("~")]

    def write_experiment(self, values: Mapping[str, str], comment: str, folder: Path) -> None:
        """Write `folder/experiment/best.yaml`; `python train.py --config-dir folder experiment=best` trains it.

        Nothing in it holds only for the trials, or is the default's; the values of the best trial are there anyway.
        """
        cfg, resolved = self.of_best(values)
        # of a list of options Hydra tells none: all that they set is written then
        choices = {name: cfg.hydra.runtime.choices.get(name) for name in GROUPS}
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            options = [f"{name}={option}" if option else f"~{name}" for name, option in choices.items()]
            chosen = compose("config", [*self._searchpath, *options])
            default = compose("config", return_hydra_config=True).hydra.runtime.choices
        named = {name: option for name, option in choices.items() if option != default[name] or name == "model"}
        settings = _differences(*(_plain(config) for config in (cfg, chosen, resolved)))
        if settings.get("data", {}).get("root") is not None:
            settings["data"]["root"] = os.path.abspath(os.path.expanduser(settings["data"]["root"]))
        defaults = [{f"override /{name}": option} for name, option in named.items()]
        experiment = OmegaConf.create({"defaults": defaults, **settings})
        for address in values:
            if address not in GROUPS:
                OmegaConf.update(experiment, address, OmegaConf.select(resolved, address), force_add=True)
        text = f"# @package _global_\n# {comment}\n{OmegaConf.to_yaml(experiment)}"
        write_text(folder / "experiment" / "best.yaml", text)

    def _compose(self, overrides: Sequence[str]) -> tuple[DictConfig, DictConfig]:
        """The config as composed, with Hydra's part, and resolved."""
        texts = [f"++{text}" if key(text) in self._forced and text[0] != "+" else text for text in overrides]
        try:
            with initialize_config_dir(str(config_dir()), version_base="1.3"):
                cfg = compose("config", [*self._searchpath, *texts], return_hydra_config=True)
            run = OmegaConf.masked_copy(cfg, [str(name) for name in cfg if name not in ("hydra", "sweep")])
            # resolved once: what is checked here is what is trained
            resolved = DictConfig(OmegaConf.to_container(run, resolve=True))
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(" ".join(str(error).split())) from None
        checked = resolved.copy()
        if isinstance(root := OmegaConf.select(checked, "data.root"), str):
            checked.data.root = os.path.abspath(os.path.expanduser(root))
        try:
            check_config(OmegaConf.to_container(checked), trust=self._trust)
        except RunError as error:
            raise ConfigError(f"search: {error}") from None
        return cfg, resolved


def _plain(cfg: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(cfg)
    assert isinstance(container, dict)
    return {str(name): value for name, value in container.items() if name not in PLACES}


def _differences(wanted: Mapping[str, Any], there: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ, of a config with others."""
    different: dict[str, Any] = {}
    for name, value in wanted.items():
        before = there.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if below := _differences(value, before, values[name]):
                different[name] = below
        elif name not in there or value != before or isinstance(value, bool) is not isinstance(before, bool):
            different[name] = values[name]
    return different
