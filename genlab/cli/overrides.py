"""The names on a command line, checked without importing torch.

Hydra answers a wrong name with several lines, which advise beginners to add a `+`. Here a name that does not exist is
answered with what does, and the nearest of it.
"""

import ast
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genlab.console.readable import allowed
from genlab.errors import ConfigError
from genlab.runs.configuration import config_dir, quoted, register_resolvers
from genlab.sweeps.placement import PLACEMENTS

# (option, setting) → why it has none, where users of the others would expect it
REASONS = {("flow", "latent_dim"): "its latent is as large as the image"}

NEEDED = ("seed", "outputs", "run_dir", "model", "data", "trainer", "logger", "callbacks")

# Arguments of the Trainer that have groups of their own, or that genlab itself gives
GIVEN = ("logger", "callbacks", "plugins", "default_root_dir", "model_registry", "barebones")

PARAMS = "hydra.sweeper.params."

# Of --config-dir: a folder of the user's, whose options are there besides those of genlab
_USERS_DIR: ContextVar[Path | None] = ContextVar("_USERS_DIR", default=None)


def check(arguments: list[str]) -> list[str]:
    """Check the arguments of `train.py`; return them as Hydra should get them.

    Any argument of Lightning's Trainer may be set as `trainer.NAME=…`, though the configs name few; such an override
    gets the `++` that Hydra wants.

    Raises:
        ConfigError: a group, an option or a key that does not exist, or an override that cannot be read.
    """
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign, assignment]  # argparse's own answer is the whole usage
    given = parser.parse_intermixed_args(arguments)
    if given.help or given.hydra_help or given.shell_completion:
        return arguments
    if given.multirun and (given.cfg or given.info):
        raise ConfigError("-m: --cfg and --info show the config of one run; leave -m and all values but one out")
    if given.resolve and not given.cfg:
        raise ConfigError("--resolve: only with --cfg, as in --cfg job --resolve")
    _USERS_DIR.set(_users_dir(given.config_dir))
    register_resolvers()
    # the values of Hydra's sweeper are those of the settings that it names
    typed = [
        text.lstrip("+").removeprefix(PARAMS) if PARAMS in text.partition("=")[0] else text for text in given.overrides
    ]
    overrides = [_parse(text) for text in typed]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        for override in overrides:
            _check_group(override)
            _check_launcher(override)
        for choice in _group_choices(overrides):
            config = _compose(choice)
            for override in overrides:
                _check_key(override, config)
        forced = {_text(o): f"++{_text(o)}" for o in overrides if _is_new_trainer_argument(o, config)}
        plain = [_text(o) for o in overrides if not o.is_sweep_override() and not _chooses(o)]
        config = _compose([*choice, *(forced.get(text, text) for text in plain)])
        if not given.multirun and config.hydra.mode != RunMode.MULTIRUN:
            _check_one_run(overrides)
        _check_whole(config)
    # Hydra itself wants all flags before the overrides
    flags = [argument for argument in arguments if argument not in given.overrides]
    return [*flags, *(forced.get(text, text) for text in typed)]


def _check_one_run(overrides: list[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            raise ConfigError(
                f"{_text(override)}: several values; add -m to train with each, or write one list as [1,2]"
            )
        if override.key_or_group.startswith("sweep."):
            raise ConfigError(f"{_text(override)}: of a sweep; add -m, or leave it out")


def _users_dir(name: str | None) -> Path | None:
    if name is not None and not Path(name).is_dir():
        raise ConfigError(f"--config-dir {name}: no such folder; give one with folders as experiment/ in it")
    return None if name is None else Path(name).absolute()


def searchpath() -> list[str]:
    """What Hydra must be told, besides the overrides, to find the options in `--config-dir`; after `check`."""
    users = _USERS_DIR.get()
    return [] if users is None else [f"hydra.searchpath=[{quoted(f'file://{users}')}]"]


def _config_dirs() -> list[Path]:
    users = _USERS_DIR.get()
    return [config_dir()] if users is None else [config_dir(), users]


def _refuse(message: str) -> None:
    raise ConfigError(f"{message}; see python train.py --help")


def _text(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _parse(text: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(text)
        if override.key_or_group:
            return override
    except HydraException:
        pass
    _, equals, value = text.partition("=")
    special = "; write $HOME for ~" if "~" in value else "; quote special characters, as 'data.root=\"my data\"'"
    raise ConfigError(
        f"{text}: not of the form KEY=VALUE, for example model=vae or model.latent_dim=2{special if equals else ''}"
    )


def _compose(overrides: list[str]) -> DictConfig:
    try:
        return compose("config", [*searchpath(), *overrides], return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split())) from None


def _is_group(key: str) -> bool:
    return any((folder / key).is_dir() for folder in _config_dirs())


def _options(group: str) -> list[str]:
    return sorted({path.stem for folder in _config_dirs() for path in (folder / group).glob("*.yaml")})


def _chooses(override: Override) -> bool:
    """An option of a group."""
    return _is_group(override.key_or_group) or "/" in override.key_or_group


def _values(override: Override) -> Iterator[str]:
    """What a group override chooses: one option, or those of a sweep."""
    value: Any = override.value()
    if isinstance(value, Glob):
        yield from value.filter(_options(override.key_or_group))
    elif override.is_sweep_override():
        yield from (str(value) for value in override.sweep_string_iterator())
    elif value is not None:
        yield str(value)


def _check_group(override: Override) -> None:
    group = override.key_or_group
    if group == "search":
        raise ConfigError(f"{_text(override)}: a run has no search; genlab tune {_text(override)} runs one")
    if "/" in group and not group.startswith("hydra/") and not _is_group(group):
        raise ConfigError(f"{group}: no such group; a key has dots, as {group.replace('/', '.')}")
    if not _is_group(group) or group.startswith("hydra") or override.is_delete():
        return
    if override.value() is None:
        raise ConfigError(f"{group}=null: {allowed('', _options(group))}; to go without an option leave {group} out")
    chosen = list(_values(override))
    if not chosen:
        raise ConfigError(f"{_text(override)}: fits no option; {allowed('', _options(group))}")
    for option in chosen:
        if option not in _options(group):
            raise ConfigError(f"{group}={option}: {allowed(option, _options(group))}")


def _check_launcher(override: Override) -> None:
    if override.key_or_group != "hydra/launcher":
        return
    for name in _values(override):
        known = PLACEMENTS.get(name)
        if known and known.module and not _is_installed(known.module):
            raise ConfigError(f"hydra/launcher={name}: is not installed; pip install 'genlab[{known.extra}]'")


def _is_installed(module: str) -> bool:
    try:
        found = find_spec(module)
    except ModuleNotFoundError:  # of the package that it is in
        return False
    return found is not None and found.origin is not None  # a folder of that name has none


def _group_choices(overrides: list[Override]) -> Iterator[list[str]]:
    """Group overrides to compose: each option of a sweep once, with the first options of the others."""
    groups = [o for o in overrides if _chooses(o)]
    plain = [_text(o) for o in groups if not o.is_sweep_override()]
    swept = {o.key_or_group: list(_values(o)) for o in groups if o.is_sweep_override()}
    first = {group: options[0] for group, options in swept.items()}
    seen = []
    for group, options in swept.items() or [("", [""])]:
        for option in options:
            choice = {**first, group: option} if group else {}
            if choice not in seen:
                seen.append(choice)
                yield [*plain, *(f"{name}={chosen}" for name, chosen in choice.items())]


def _check_key(override: Override, config: DictConfig) -> None:
    key = override.key_or_group
    hidden = [name for name in key.split(".") if name.startswith("_") and name != "_target_"]
    if hidden:
        raise ConfigError(f"{key}: {hidden[0]} is Hydra's own and not a setting; leave it out")
    if override.is_add() or override.is_force_add() or "/" in key or _is_group(key):
        return
    if _is_new_trainer_argument(override, config):
        return
    node, path = config, key.split(".")
    for depth, name in enumerate(path):
        if isinstance(node, DictConfig) and name in node:
            node = node._get_node(name)  # type: ignore[assignment]  # not resolved: an interpolation has no keys
            continue
        if OmegaConf.is_list(node) and name.isdigit():
            return
        parent = ".".join(path[:depth])
        names = [str(n) for n in node if not str(n).startswith("_")] if isinstance(node, DictConfig) else []
        if parent == "trainer":
            names += trainer_arguments()
        if not parent:
            names = [n for n in names if n not in ("hydra", "run_dir")] + _groups()
        option = config.hydra.runtime.choices.get(parent)
        if (option, name) in REASONS:
            raise ConfigError(f"{key}: {parent}={option} has none: {REASONS[option, name]}")
        chosen = f" ({option})" if option else ""
        where = f"{parent}{chosen}" if parent else "the configuration"
        raise ConfigError(f"{key}: {where} has no {name}; {allowed(name, names, parent)}")


def _check_whole(config: DictConfig) -> None:
    """That nothing is deleted which a run needs, and that whatever is to be built names its class."""
    raw = OmegaConf.to_container(config)
    assert isinstance(raw, dict)
    for name in NEEDED:
        if name not in raw:
            raise ConfigError(f"~{name}: a run needs it; leave this out")
    if not raw["hydra"]["sweeper"]["_target_"].startswith("hydra_plugins.genlab_sweeper."):
        raise ConfigError("hydra/sweeper: genlab's table and resuming need its own; leave it out")
    for name in ("outputs", "run_dir"):
        if not raw[name] or not isinstance(raw[name], str):
            raise ConfigError(f"{name}={raw[name] or ''}: should be the name of a folder")
    for name in ("logger", "callbacks"):
        if not isinstance(raw[name], dict):
            raise ConfigError(
                f"{name}={raw[name]}: should be options and settings; Allowed: {', '.join(_options(name))}"
            )
    for address, key in (("model", "_target_"), ("trainer", "_target_"), ("data", "_target_"), ("data", "name")):
        if not isinstance(raw[address], dict) or key not in raw[address]:
            raise ConfigError(f"~{address}.{key}: a run needs it; leave out what deletes it")
    for group in ("logger", "callbacks"):
        for name, node in raw[group].items():
            if not isinstance(node, dict) or "_target_" not in node:
                raise ConfigError(f"{group}.{name}: names no class (_target_); ~{group}.{name} leaves it out")


def _groups() -> list[str]:
    folders = [path for folder in _config_dirs() for path in folder.iterdir() if path.is_dir()]
    return sorted({path.name for path in folders} - {"hydra", "search"})


def _is_new_trainer_argument(override: Override, config: DictConfig) -> bool:
    """An argument of the Trainer that the config does not name: Hydra takes it only with `++`."""
    group, _, name = override.key_or_group.partition(".")
    plain = not (override.is_add() or override.is_force_add() or override.is_delete())
    return plain and group == "trainer" and name in trainer_arguments() and name not in config.trainer


@functools.cache
def trainer_arguments() -> list[str]:
    """The arguments of Lightning's Trainer, read from its source, because importing it takes seconds.

    Without those of `GIVEN`.
    """
    package = find_spec("pytorch_lightning")
    assert package is not None and package.origin is not None
    source = (Path(package.origin).parent / "trainer" / "trainer.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return sorted(a.arg for a in node.args.kwonlyargs if a.arg not in GIVEN)
    raise AssertionError("pytorch_lightning.Trainer has no __init__")
