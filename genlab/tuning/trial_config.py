"""The settings of a trial → the config of a run."""

from collections.abc import Callable, Mapping, Sequence

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from genlab.errors import ConfigError
from genlab.runs.configuration import config_dir, quoted
from genlab.tuning.request import Request, key, merged

# The overrides of a command line → the same as Hydra should get them
Check = Callable[[list[str]], list[str]]

REFUSED = ("run_dir", "hydra", "resume", "sweep", "evaluate")


class TrialConfigs:
    """Composes the configs of a search's trials, and of its best one.

    Args:
        request: its overrides and addresses are checked here, as `python train.py` checks them.
        check: what checks them.

    Raises:
        ConfigError: a setting that does not exist, or one that is given and searched at once.
    """

    def __init__(self, request: Request, check: Check) -> None:
        search = request.search
        self._folder = request.folder
        self._fixed = merged(search.overrides, request.overrides)
        self._in_trials = merged(search.overrides, search.trial_overrides, request.overrides)
        for text in self._in_trials:
            if key(text) in search.space:
                raise ConfigError(f"{text}: {key(text)} is searched; leave one of the two out")
            if text.startswith("-"):
                raise ConfigError(f"{text}: no such option; see genlab tune --help")
            if key(text).split(".")[0] in REFUSED:
                raise ConfigError(f"{text}: a search decides that itself; leave it out")
        first = {name: dimension.extremes()[0] for name, dimension in search.space.items()}
        given = check([*self._in_trials, *self._texts(first)])
        # an argument of the Trainer that no config names
        self._forced = {key(text) for text in given if text.startswith("++")}
        self._first = first

    def candidates(self, request: Request) -> list[tuple[str, DictConfig]]:
        """Each bound and each option once, with the first of the other settings: (override, config)."""
        pairs = [(name, value) for name, part in request.search.space.items() for value in part.extremes()]
        return [(f"{name}={value}", self.of_trial({**self._first, name: value}, "check")) for name, value in pairs]

    def of_trial(self, values: Mapping[str, str], name: str) -> DictConfig:
        """The config of a run in the folder `trials/name`."""
        folder = self._folder / "trials" / name
        place = [f"run_dir={quoted(str(folder))}", f"outputs={quoted(str(folder.parent))}"]
        cfg = self._compose([*self._in_trials, *self._texts(values), *place])
        with open_dict(cfg):
            del cfg["hydra"]
        return cfg

    def typed(self, values: Mapping[str, str]) -> list[str]:
        """The overrides by which a trial differs from the defaults."""
        return [*self._in_trials, *self._texts(values)]

    def of_best(self, values: Mapping[str, str]) -> DictConfig:
        """What the best experiment is to give, without what held for the trials alone."""
        return self._compose([*self._fixed, *self._texts(values)])

    def deletions(self) -> list[str]:
        """Overrides that delete something, which no file of an experiment can do."""
        return [text for text in self._fixed if text.startswith("~")]

    def _texts(self, values: Mapping[str, str]) -> list[str]:
        return [f"{name}={value}" for name, value in values.items()]

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        texts = [f"++{text}" if key(text) in self._forced and text[0] != "+" else text for text in overrides]
        try:
            with initialize_config_dir(str(config_dir()), version_base="1.3"):
                return compose("config", texts, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(" ".join(str(error).split())) from None
