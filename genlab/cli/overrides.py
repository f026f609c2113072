"""The names on a command line, checked without importing torch.

Hydra answers a wrong name with several lines, which advise beginners to add a `+`. Here the config is composed before
Hydra does it, and what Hydra finds wrong becomes one line with the names that exist, and the nearest of them.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from hydra import compose, initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from genlab.cli.names import HYDRAS, UNNAMED, is_group, no_such, options, searchpath, train, use
from genlab.cli.options import explained
from genlab.console.readable import allowed
from genlab.errors import ConfigError
from genlab.runs.classes import PLAIN, SECTIONS, TABLES
from genlab.runs.configuration import config_dir, program, register_resolvers
from genlab.sweeps.placement import PLACEMENTS
from genlab.sweeps.request import sweep_values

KNOWN = (*SECTIONS, *PLAIN, "sweep", "hydra")
NEEDED = "seed outputs run_dir logger callbacks evaluation data.name model._target_ data._target_ trainer._target_"

# What these are made by; all settings of a run are checked there
TRAINER = "genlab.training.trainer.CheckedTrainer"
EVALUATION = "genlab.evaluation.settings.EvaluationSettings"

PARAMS = "hydra.sweeper.params."


def composed(settings: Sequence[str], users: str | Path | None) -> DictConfig:
    """The config, with Hydra's part, for settings as of `genlab train` and `--config-dir`; they are checked first."""
    flags = [] if users is None else ["--config-dir", str(users)]
    checked = check([*flags, *settings])[len(flags) :]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("config", [*searchpath(), *checked], return_hydra_config=True)


def check(arguments: list[str]) -> list[str]:
    """Check the arguments of `train.py`; return them as Hydra should get them, and raise ConfigError for a wrong one.

    Any argument of Lightning's Trainer may be set as `trainer.NAME=…`, though the configs name few; such an override,
    and others of `UNNAMED`, get the `++` that Hydra wants.
    """
    register_resolvers()
    try:
        given = train.make_context(program(), list(arguments)).params
    except click.UsageError as error:
        raise explained(error) from None
    if any(given[flag] for flag in HYDRAS):
        return arguments
    _check_flags(given)
    # the values of Hydra's sweeper are those of the settings that it names
    texts = [text.lstrip("+").removeprefix(PARAMS) if PARAMS in text else text for text in given["overrides"]]
    overrides = [_parse(text) for text in texts]
    for override in overrides:
        _check_override(override)
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        for job in _examples(overrides):
            config = _composed(job)
            if not given["multirun"] and config.hydra.mode != RunMode.MULTIRUN:
                _check_one_run(overrides)
            _check_whole(config, job)
    # Hydra itself wants all flags before the overrides
    flags = [argument for argument in arguments if argument not in given["overrides"]]
    return [*flags, *_forced(texts)]


def _forced(texts: list[str]) -> list[str]:
    return [f"++{text}" if text.partition("=")[0] in UNNAMED else text for text in texts]


def typed(overrides: list[str]) -> list[str]:
    """Overrides without the `++` of `check`."""
    return [text.removeprefix("++") if text[2:].partition("=")[0] in UNNAMED else text for text in overrides]


def _check_flags(given: dict[str, Any]) -> None:
    if given["multirun"] and (given["cfg"] or given["info"]):
        raise ConfigError("-m: --cfg and --info show the config of one run; leave -m and all values but one out")
    for flag in ("resolve", "package"):
        if given[flag] and not given["cfg"]:
            raise ConfigError(f"--{flag}: only with --cfg, as in --cfg job --{flag}")
    if given["resolve"] and given["cfg"] != "job":
        raise ConfigError("--resolve: Hydra's part has values that only a run has; use --cfg job --resolve")
    rerun = given["experimental_rerun"]
    if rerun is not None and not Path(rerun).is_file():
        raise ConfigError(f"--experimental-rerun {rerun}: no such file; genlab resume RUN_FOLDER goes on with a run")
    use(given["config_dir"])


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


def _check_override(override: Override) -> None:
    """What Hydra would take, or answer in words of its own."""
    key, text = override.key_or_group, override.input_line
    hidden = [name for name in key.split(".") if name.startswith("_") and name != "_target_"]
    if hidden:
        raise ConfigError(f"{key}: {hidden[0]} is Hydra's own and not a setting; leave it out")
    if key == "search":
        raise ConfigError(f"{text}: a run has no search; genlab tune {text} runs one")
    if is_group(key) and not override.is_delete() and override.value() in (None, []):
        raise ConfigError(f"{text}: {allowed('', options(key))}; to go without an option leave {key} out")
    if key == "hydra/launcher":
        for name in _values(override):
            known = PLACEMENTS.get(name)
            if known and known.module and not _is_installed(known.module):
                raise ConfigError(f"{key}={name}: is not installed; pip install 'genlab[{known.extra}]'")


def _check_one_run(overrides: list[Override]) -> None:
    for override in overrides:
        text = override.input_line
        if override.is_sweep_override():
            raise ConfigError(f"{text}: several values; add -m to train with each, or write one list as [1,2]")
        if override.key_or_group.startswith("sweep."):
            raise ConfigError(f"{text}: of a sweep; add -m, or leave it out")


def _is_installed(module: str) -> bool:
    try:
        found = find_spec(module)
    except ModuleNotFoundError:  # of the package that it is in
        return False
    return found is not None and found.origin is not None  # a folder of that name has none


def _values(override: Override) -> Iterator[str]:
    """What an override chooses: one value, or those of a sweep."""
    value = override.value()
    if isinstance(value, Glob):
        chosen = value.filter(options(override.key_or_group))
        if not chosen:
            raise ConfigError(f"{override.input_line}: fits no option; {allowed('', options(override.key_or_group))}")
        yield from chosen
        return
    yield from sweep_values(override) if override.is_sweep_override() else [str(value)]


def _examples(overrides: list[Override]) -> Iterator[list[str]]:
    """Overrides of a few jobs in which each key and each option of a sweep occurs."""
    first = [
        f"{o.get_key_element()}={next(_values(o), '')}" if o.is_sweep_override() else str(o.input_line)
        for o in overrides
    ]
    yield first
    for place, override in enumerate(overrides):
        if override.is_sweep_override() and is_group(override.key_or_group):
            for option in list(_values(override))[1:]:
                yield [*first[:place], f"{override.get_key_element()}={option}", *first[place + 1 :]]


def _composed(texts: list[str]) -> DictConfig:
    try:
        return compose("config", [*searchpath(), *_forced(texts)], return_hydra_config=True)
    except MissingConfigException as error:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        raise ConfigError(f"{group}={option}: {allowed(option, error.options or options(group))}") from None
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        if isinstance(error.__cause__, (ConfigKeyError, ConfigAttributeError)):
            raise no_such(str(error.__cause__.full_key), texts) from None
        for key in [text[1:].partition("=")[0] for text in texts if text.startswith("~")]:
            if f"'{key}' does not exist" in str(error):
                raise no_such(key, texts) from None
        where = "" if isinstance(error, (HydraException, OmegaConfBaseException)) else f"{' '.join(texts)}: "
        raise ConfigError(where + " ".join(str(error).split())) from None


def _check_whole(config: DictConfig, texts: list[str]) -> None:
    """That a run has what it needs, that something reads each setting, and that what is built names its class."""
    raw: Any = OmegaConf.to_container(config)
    yaml = OmegaConf.to_yaml(config)
    for name in raw:
        if name not in KNOWN and f"${{{name}" not in yaml:
            raise no_such(str(name), texts)
    for parent, known in (("sweep", ("resume", "keep")), ("hydra", (*HydraConf.__dataclass_fields__, "env"))):
        for name in raw[parent]:
            if name not in known:
                raise no_such(f"{parent}.{name}", texts)
    for name in NEEDED.split():
        section, _, key = name.partition(".")
        if section not in raw or (key and key not in (raw[section] if isinstance(raw[section], dict) else ())):
            raise ConfigError(f"~{name}: a run needs it; leave out what deletes it")
    if not raw["hydra"]["sweeper"]["_target_"].startswith("hydra_plugins.genlab_sweeper."):
        raise ConfigError("hydra/sweeper: genlab's table and resuming need its own; leave it out")
    places = {name: raw[name] for name in ("outputs", "run_dir")}
    places |= {f"hydra.{name}.dir": raw["hydra"][name]["dir"] for name in ("run", "sweep")}
    for name, place in places.items():
        if not place or not isinstance(place, str):
            raise ConfigError(f"{name}={place or ''}: should be the name of a folder")
    for group in TABLES:
        if not isinstance(raw[group], dict):
            there = ", ".join(options(group))
            raise ConfigError(f"{group}={raw[group]}: should be options and settings; Allowed: {there}")
        for name, node in raw[group].items():
            typed_here = any(text.lstrip("+").startswith(f"{group}.{name}") for text in texts)
            # no fault is what a model or an experiment sets of a picture that the chosen option leaves out
            if not isinstance(node, dict) or ("_target_" not in node and typed_here):
                raise ConfigError(f"{group}.{name}: names no class (_target_); ~{group}.{name} leaves it out")
    for name, target in (("trainer", TRAINER), ("evaluation", EVALUATION)):
        if not isinstance(raw[name], dict) or raw[name].get("_target_") != target:
            raise ConfigError(f"{name}: should be made by {target}; leave out what changes that")
