"""What may stand behind `genlab train`: flags, groups, options and settings; and the answer to what does not exist."""

from contextvars import ContextVar
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from genlab.cli.options import Command
from genlab.console.readable import allowed
from genlab.errors import ConfigError
from genlab.runs.configuration import config_dir, quoted, register_resolvers
from genlab.runs.identity import flat

# (option, setting) → why it has none, where users of the others would expect it
REASONS = {("flow", "latent_dim"): "its latent is as large as the image"}

# Arguments of the Trainer but those of `genlab.runs.classes.OBJECTS`; a list, because importing Lightning takes seconds
_OTHERS = """
    accelerator accumulate_grad_batches benchmark check_val_every_n_epoch detect_anomaly deterministic devices
    enable_autolog_hparams enable_checkpointing enable_model_summary enable_progress_bar fast_dev_run
    gradient_clip_algorithm gradient_clip_val inference_mode limit_predict_batches limit_test_batches
    limit_train_batches limit_val_batches log_every_n_steps max_epochs max_steps max_time min_epochs min_steps
    num_nodes num_sanity_val_steps overfit_batches precision profiler reload_dataloaders_every_n_epochs strategy
    sync_batchnorm use_distributed_sampler val_check_interval
"""
# Settings that a class has and the configs do not name; they need no `+`
UNNAMED = ("model.image_shape", *(f"trainer.{name}" for name in _OTHERS.split()))

# Of --config-dir: a folder of the user's, whose options are there besides those of genlab
_USERS_DIR: ContextVar[Path | None] = ContextVar("_USERS_DIR", default=None)


def use(users: str | None) -> None:
    """Take `--config-dir`, or none."""
    if users is not None and not Path(users).is_dir():
        raise ConfigError(f"--config-dir {users}: no such folder; give one with folders as experiment/ in it")
    _USERS_DIR.set(None if users is None else Path(users).absolute())


def searchpath() -> list[str]:
    """What Hydra must be told, besides the overrides, to find the options in `--config-dir`; after `check`."""
    users = _USERS_DIR.get()
    return [] if users is None else [f"hydra.searchpath=[{quoted(f'file://{users}')}]"]


def _config_dirs() -> list[Path]:
    users = _USERS_DIR.get()
    return [config_dir()] if users is None else [config_dir(), users]


def is_group(key: str) -> bool:
    return bool(key) and any((folder / key).is_dir() for folder in _config_dirs())


def groups() -> list[str]:
    folders = [path for folder in _config_dirs() for path in folder.iterdir() if path.is_dir()]
    return sorted({path.name for path in folders} - {"hydra", "search"})


def options(group: str) -> list[str]:
    return sorted({path.stem for folder in _config_dirs() for path in (folder / group).glob("*.yaml")})


def no_such(key: str, texts: list[str]) -> ConfigError:
    """The answer to a key that the chosen options do not have."""
    if "/" in key:
        return ConfigError(f"{key}: no such group; a key has dots, as {key.replace('/', '.')}")
    if is_group(key):
        return ConfigError(f"{key}: should be an option; {allowed('', options(key))}")
    chosen = [text for text in texts if is_group(text.partition("=")[0]) and "{" not in text]
    config = compose("config", [*searchpath(), *chosen], return_hydra_config=True)
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    names = [str(n) for n in node if not str(n).startswith("_")] if isinstance(node, DictConfig) else []
    names += [setting.rpartition(".")[2] for setting in UNNAMED if setting.rpartition(".")[0] == parent]
    if not parent:
        names = [n for n in names if n not in ("hydra", "run_dir")] + groups()
    option = config.hydra.runtime.choices.get(parent)
    if (option, name) in REASONS:
        return ConfigError(f"{key}: {parent}={option} has none: {REASONS[option, name]}")
    where = f"{parent} ({option})" if option else parent or "the configuration"
    return ConfigError(f"{key}: {where} has no {name}; {allowed(name, names, parent)}")


class _Overrides(click.ParamType):
    """KEY=VALUE and GROUP=OPTION; the shell completes keys and options."""

    name = "override"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        typed = [*(ctx.params["overrides"] or ()), ""]
        before = typed[-3] if typed[-2:-1] == ["="] else typed[-2] if len(typed) > 1 else ""  # bash splits at =
        if is_group(before):
            return [CompletionItem(option) for option in options(before) if option.startswith(incomplete)]
        words = [f"{group}={option}" for group in groups() for option in options(group)]
        register_resolvers()
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            config = compose("config", [text for text in typed if is_group(text.partition("=")[0])])
        words += [f"{setting}=" for setting in UNNAMED]
        plain: Any = OmegaConf.to_container(config)
        words += [f"{address}=" for address in flat(plain) if not address.endswith("._target_")]
        return [CompletionItem(word) for word in sorted(set(words)) if word.startswith(incomplete)]


FLAGS = ("-h --help", "--hydra-help", "--version", "--resolve", "-r --run", "-m --multirun", "-sc --shell-completion")
WITH_VALUE = ("-p --package", "-cp --config-path", "-cn --config-name", "-cd --config-dir", "--experimental-rerun")
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
HYDRAS = ("help", "hydra_help", "version", "shell_completion")  # flags that Hydra answers without a config
train = Command(
    "train",
    add_help_option=False,  # Hydra's lists groups and options
    params=[
        *(click.Option(names.split(), is_flag=True) for names in FLAGS),
        *(click.Option(names.split(), type=click.Path()) for names in WITH_VALUE),
        click.Option(["-c", "--cfg"], type=click.Choice(("job", "hydra", "all"))),
        click.Option(["-i", "--info"], is_flag=False, flag_value="all", type=click.Choice(INFO)),
        click.Argument(["overrides"], nargs=-1, type=_Overrides()),
    ],
)
