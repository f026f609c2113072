"""What `genlab tune` is asked for: a new search, or one to go on with; read without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import OmegaConf
from pydantic import ValidationError

from genlab.arguments import configured, explain
from genlab.console.readable import allowed
from genlab.errors import ConfigError
from genlab.runs.atomic import write_text
from genlab.runs.configuration import read_value, run_name
from genlab.tuning.search import Search, build_search, options, read_settings, read_yaml

FILE = "search.yaml"  # in the search's folder: what was asked for
TUNE = ("folder", "storage")
# May differ between the workers of a search, and when it goes on: how long it is and where it runs
FREE = ("trials",)
PLACE = ("data.root", "data.num_workers", "data.on_device", "trainer.accelerator", "trainer.devices", "outputs")


@dataclass(frozen=True)
class Request:
    """A search, as this process is to work on it."""

    settings: dict[str, Any]  # the arguments of the search
    search: Search
    overrides: list[str]  # of the command line, for all trials and the best experiment
    folder: Path  # absolute; it may exist
    storage: str | None  # an Optuna URL; None: a SQLite file in the folder

    def identity(self) -> dict[str, Any]:
        """What all workers of a search must have in common."""
        settings = {name: value for name, value in self.settings.items() if name not in FREE}
        return {"search": settings, "overrides": [text for text in self.overrides if key(text) not in PLACE]}

    def save(self) -> None:
        """Write `search.yaml`, by which the folder is enough to go on; a storage's URL may have a password."""
        asked = {"search": self.settings, "overrides": self.overrides, "storage": "url" if self.storage else "sqlite"}
        write_text(self.folder / FILE, OmegaConf.to_yaml(OmegaConf.create(asked)))


def read_request(arguments: Sequence[str]) -> Request:
    """Read `search=…`, `search.KEY=…`, `tune.KEY=…` and the overrides of the runs; ConfigError if one is wrong."""
    given = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.split(".")[0] in ("search", "tune") and not equals:
            raise ConfigError(f"{argument}: not of the form KEY=VALUE, for example search=vae_nll or search.trials=20")
        given.append((name, value))
    tune = {name.removeprefix("tune."): _text(value) for name, value in given if name.split(".")[0] == "tune"}
    for name in tune:
        if name not in TUNE:
            raise ConfigError(f"tune.{name}: there is no such setting; {allowed(name, TUNE, 'tune')}")
        if not tune[name]:
            raise ConfigError(f"tune.{name}=: has no value; leave it out, or give it one")
    names = [value for name, value in given if name == "search"]
    overrides = [text for text in arguments if key(text).split(".")[0] not in ("search", "tune")]
    folder = Path(tune["folder"]).expanduser().absolute() if "folder" in tune else None
    storage = tune.get("storage")
    try:
        asked = _Asked(**read_yaml(folder / FILE)) if folder is not None and (folder / FILE).exists() else None
    except ValidationError as error:
        raise ConfigError(f"{folder}/{FILE}: {explain(error)}; restore it from a copy") from None
    if asked and asked.storage == "url" and storage is None:
        raise ConfigError(f"{folder}: its trials are in a database; give it again as tune.storage=URL")
    if names:
        settings = read_settings(_text(names[-1]))
    elif asked:
        settings, overrides = asked.search, merged(asked.overrides, overrides)
    elif folder is not None:
        raise ConfigError(f"tune.folder={tune['folder']}: has no {FILE}; say search=NAME to begin one there")
    else:
        raise ConfigError(f"search=NAME is missing; {allowed('', options())}, or a file, as my_search.yaml")
    for name, value in given:
        if name.startswith("search.space"):
            raise ConfigError(
                f"{name}: a space is not changed on the command line; copy the search's file and change that"
            )
        if name.startswith("search."):
            settings[name.removeprefix("search.")] = read_value(value)
    search = build_search(settings)
    if folder is None:
        outputs = next((text.partition("=")[2] for text in reversed(overrides) if key(text) == "outputs"), "outputs")
        folder = Path(_text(outputs)).expanduser().absolute() / "searches" / run_name()
    return Request(settings, search, overrides, folder, storage)


@configured
class _Asked:
    """What `Request.save` writes."""

    search: dict[str, Any]
    overrides: list[str]
    storage: Literal["url", "sqlite"]


def merged(*lists: Sequence[str]) -> list[str]:
    """Join overrides; a later one replaces an earlier one of the same key."""
    return list({key(text): text for overrides in lists for text in overrides}.values())


def key(override: str) -> str:
    """The address in an override."""
    return override.partition("=")[0].lstrip("+~")


def _text(value: str) -> str:
    """Without the quotation marks that Hydra takes off."""
    read = read_value(value)
    return read if isinstance(read, str) else value
