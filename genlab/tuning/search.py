"""A search: what is varied, what is made best, and how long; an option of conf/search, or a file of the user's."""

from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution
from pydantic import ConfigDict, Field, NonNegativeInt, ValidationError
from pydantic.dataclasses import dataclass
from yaml import YAMLError

from genlab.arguments import explain
from genlab.console.readable import allowed
from genlab.errors import ConfigError, RunError
from genlab.quantities import quantity
from genlab.runs.configuration import config_dir
from genlab.runs.trust import LARGEST, check_yaml, read_text
from genlab.tuning.dimensions import TYPES


@dataclass(config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))
class Search:
    """
    Attributes:
        metric: any that a run logs, as `val/elbo`. One of validation counts by its best epoch, any other by its last
            value; only the former allows pruning.
        direction: which way is better; None: as `genlab.quantities` says.
        space: address of a setting → its type, with the arguments of that function in `genlab.tuning.dimensions`.
        trials: how many, of all workers together; failed ones count.
        overrides: what is the same in all trials and in the best experiment.
        trial_overrides: what holds only for the trials: less evaluation, fewer pictures.
        prune: whether trials that are worse than the median of the others at the same epoch are ended.
        startup_trials: so many trials are finished before the first is pruned.
        warmup_epochs: so many epochs of each trial are not judged.
        seed: of the choice of settings; the runs' is their own.
    """

    metric: str
    space: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    direction: Literal["maximise", "minimise"] | None = None
    trials: Annotated[int, Field(gt=0, le=1_000_000)] = 50
    overrides: list[str] | None = None
    trial_overrides: list[str] | None = None
    prune: bool = True
    startup_trials: NonNegativeInt = 5
    warmup_epochs: NonNegativeInt = 2
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if self.direction is None:
            better = quantity(self.metric).better
            if better is None:
                raise ConfigError("search.direction: is missing, and nothing says which way is better; give it")
            self.direction = "maximise" if better == "higher" else "minimise"
        self.distributions = {key: _distribution(key, node) for key, node in self.space.items()}

    def better(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best before it."""
        return best is None or (value > best if self.direction == "maximise" else value < best)


def options() -> list[str]:
    """The searches that genlab brings."""
    return sorted(path.stem for path in (config_dir() / "search").glob("*.yaml"))


def read_settings(name: str) -> dict[str, Any]:
    """The arguments of `Search` in an option of conf/search, or in a .yaml file; ConfigError if it cannot be read."""
    if name.endswith((".yaml", ".yml")):
        return read_yaml(Path(name).expanduser())
    if name not in options():
        raise ConfigError(f"search={name}: {allowed(name, options())}, or a file, as my_search.yaml")
    return read_yaml(config_dir() / "search" / f"{name}.yaml")


def read_yaml(path: Path) -> dict[str, Any]:
    """A table of names and values, which a stranger may have written; ConfigError if it cannot be read."""
    if not path.exists():
        raise ConfigError(f"{path}: no such file; searches that are there: {', '.join(options())}")
    try:
        text = read_text(path, LARGEST)
        check_yaml(text)
        settings = OmegaConf.to_container(OmegaConf.create(text), resolve=True)
    except RunError as error:
        raise ConfigError(str(error)) from None
    except (ValueError, OverflowError, YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: cannot be read ({' '.join(str(error).split())}); mend it") from None
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise ConfigError(f"{path}: should be a table of names and values, as the files of conf/search are")
    return {str(name): value for name, value in settings.items()}


def build_search(settings: dict[str, Any]) -> Search:
    """Raises ConfigError with the address of what is wrong, as `search.trials=0: should be greater than 0`."""
    try:
        return Search(**settings)
    except ValidationError as error:
        raise ConfigError(explain(error, "search")) from None


def _distribution(key: str, node: dict[str, Any]) -> BaseDistribution:
    address = f"search.space: {key}"
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        what = "has no type" if kind is None else f"type: {kind}"
        raise ConfigError(f"{address}: {what}; {allowed(str(kind), TYPES)}")
    try:
        return TYPES[kind](**{name: value for name, value in node.items() if name != "type"})
    except (TypeError, ValueError) as error:  # TypeError: a name that is no text
        raise ConfigError(f"{address}: {explain(error) if isinstance(error, ValidationError) else error}") from None
