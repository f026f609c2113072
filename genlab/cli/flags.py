"""The flags of Hydra behind `genlab train`, and what the shell completes there."""

from collections.abc import Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from genlab.cli.names import UNNAMED, groups, is_group, options
from genlab.cli.options import Command
from genlab.runs.configuration import config_dir, register_resolvers


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
        words += _addresses(OmegaConf.to_container(config))
        return [CompletionItem(word) for word in sorted(set(words)) if word.startswith(incomplete)]


def _addresses(config: Any, parent: str = "") -> Iterator[str]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _addresses(value, f"{parent}{name}.")
        elif name != "_target_":
            yield f"{parent}{name}="


INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
HYDRAS = ("help", "hydra_help", "version", "shell_completion")  # flags that Hydra answers without a config
train = Command(
    "train",
    add_help_option=False,  # Hydra's lists groups and options
    params=[
        click.Option(["-h", "--help"], is_flag=True),
        click.Option(["--hydra-help"], is_flag=True),
        click.Option(["--version"], is_flag=True),
        click.Option(["-c", "--cfg"], type=click.Choice(("job", "hydra", "all"))),
        click.Option(["--resolve"], is_flag=True),
        click.Option(["-p", "--package"]),
        click.Option(["-r", "--run"], is_flag=True),
        click.Option(["-m", "--multirun"], is_flag=True),
        click.Option(["-sc", "--shell-completion"], is_flag=True),
        click.Option(["-cp", "--config-path"]),
        click.Option(["-cn", "--config-name"]),
        click.Option(["-cd", "--config-dir"], type=click.Path()),
        click.Option(["--experimental-rerun"], type=click.Path()),
        click.Option(["-i", "--info"], is_flag=False, flag_value="all", type=click.Choice(INFO)),
        click.Argument(["overrides"], nargs=-1, type=_Overrides()),
    ],
)
