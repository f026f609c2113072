"""The commands of `genlab` as click has them: help with examples, one line for what is wrong; without torch."""

import difflib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from genlab.errors import ConfigError

LARGEST_SEED = 2**32 - 1  # as for training
NEARLY = 0.8  # so alike is a slip to the option that was meant

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose help lists arguments as well as options, and ends with examples.

    Args:
        examples: whole command lines.
        open_to: the parameter that gets, name → text, the options that the command does not know; None: there are none.
    """

    def __init__(self, name: str, examples: Sequence[str], open_to: str | None = None, **kwargs: Any) -> None:
        settings = {"allow_extra_args": True, "help_option_names": ["-h", "--help"], "max_content_width": 100}
        super().__init__(name, context_settings=settings, **kwargs)
        self.examples = examples
        self.open_to = open_to

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), "usage: ")
        formatter.write(f"\n{self.help}\n")
        with formatter.section("Options"):
            formatter.write_dl(
                [line for line in (param.get_help_record(ctx) for param in self.get_params(ctx)) if line]
            )
        formatter.write("".join(["\nExamples:\n", *(f"  {example}\n" for example in self.examples)]))

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "show this help"
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = [re.sub("^(-[a-z])=", r"\1", arg) for arg in args]  # click takes the = of -n=4 for a part of the value
        try:
            if self.open_to:
                args, ctx.params[self.open_to] = self._without_unknown(ctx, args)
            super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if ctx.args and not ctx.resilient_parsing:
            raise click.UsageError(f"{ctx.args[0]}: one argument too many", ctx)
        return ctx.args

    def _without_unknown(self, ctx: click.Context, args: list[str]) -> tuple[list[str], dict[str, str]]:
        """The arguments, and the options --NAME VALUE or --NAME=VALUE that are neither known nor nearly so."""
        known = [name for param in self.get_params(ctx) for name in param.opts if name.startswith("--")]
        left, found, rest = [], {}, iter(args)
        for arg in rest:
            name, equals, value = arg.partition("=")
            if not name.startswith("--") or difflib.get_close_matches(name, known, cutoff=NEARLY):
                left.append(arg)
                continue
            value = value if equals else next(rest, "--")
            if value.startswith("--") and not equals and not ctx.resilient_parsing:
                raise click.BadOptionUsage(name, "", ctx)
            found[name.removeprefix("--").replace("-", "_")] = value
        return left, found


def command(
    name: str, description: str, examples: Sequence[str], open_to: str | None = None
) -> Callable[[Callable[..., None]], Command]:
    """Decorator: a function of its options and arguments becomes `genlab NAME`; see `Command`."""
    return click.command(name, cls=Command, help=description, examples=examples, open_to=open_to)


class _Argument(click.Argument):
    """An argument that the help explains."""

    def __init__(self, *args: Any, help: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.explanation = help

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        text = self.human_readable_name + (" ..." if self.nargs == -1 else "")
        return [text if self.required else f"[{text}]"]

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return self.human_readable_name, self.explanation


def argument(name: str, metavar: str, help: str, **kwargs: Any) -> Callable[[_Decorated], _Decorated]:
    """Decorator like `click.argument`, with a line in the help."""
    return click.argument(name, cls=_Argument, metavar=metavar, help=help, **kwargs)


class RunFolder(click.ParamType):
    """A folder of a run; the shell completes those below outputs/, the newest first."""

    name = "folder"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from genlab.runs.pretrained import PREFIX, pretrained_names

        summaries = [path for depth in ("*/*", "sweeps/*/*") for path in Path("outputs").glob(f"{depth}/summary.json")]
        folders = sorted((path.parent for path in summaries), key=lambda folder: folder.name, reverse=True)
        names = [*map(str, folders), *(f"{PREFIX}{name}" for name in pretrained_names())]
        runs = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return runs or [CompletionItem(incomplete, type="dir")]


class Choice(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            self.fail(f"invalid choice: {value!r} (choose from {', '.join(map(repr, self.choices))})", param, ctx)
        return str(value)


def trust_options(function: _Decorated) -> _Decorated:
    """Decorator: what a run's config may name besides the classes of genlab's configs."""
    help = "classes of this package may run, where the run's config names them"
    function = click.option("--trust", multiple=True, metavar="PACKAGE", help=help)(function)
    help = "so may the classes that the configs in this folder name"
    return click.option("--config-dir", multiple=True, type=_classes_named_in, metavar="FOLDER", help=help)(function)


def _classes_named_in(text: str) -> tuple[str, ...]:
    from genlab.runs.classes import classes_named_in  # here, because of OmegaConf, which --help does without

    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise click.BadParameter(f"{text}: no such folder; give one with folders as model/ in it")
    return classes_named_in(folder)


def run_options(function: _Decorated) -> _Decorated:
    """Decorator: RUN_FOLDER and the options that all commands with a trained model share."""
    for add in (
        click.option(
            "--checkpoint",
            type=Choice(("best", "last")),
            help="which weights (default: best, or last where no validation metric chooses a best)",
        ),
        trust_options,
        click.option("--device", metavar="DEVICE", default="cpu", help="cpu, cuda, cuda:1, ... (default: cpu)"),
        argument(
            "data_root",
            "data.root=FOLDER",
            "folder of the data files, if not that of the run; data.root=null is the one in your cache",
            required=False,
            type=data_root,
        ),
        argument(
            "folder",
            "RUN_FOLDER",
            "folder of a run or of an export, or pretrained:NAME; genlab runs lists those there are",
            type=RunFolder(),
        ),
    ):
        function = add(function)
    return function


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The `type` of an argument that is a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise click.BadParameter(f"{text}: should be a whole number from {least} to {most}")
        return number

    parse.__name__ = "number"  # in the help
    return parse


def seed(text: str) -> int:
    """The `type` of --seed."""
    return whole_number(0, LARGEST_SEED)(text)


def data_root(text: str) -> tuple[str | None]:
    """The `type` of data.root=FOLDER: (FOLDER,), and for data.root=null, the folder in the user's cache, (None,)."""
    key, equals, root = text.partition("=")
    if key != "data.root" or not equals:
        raise click.BadParameter(f"{text}: only data.root=FOLDER can be given here")
    return (None if root == "null" else root,)


def output_file(text: str) -> Path:
    """The `type` of --out."""
    path = Path(text).expanduser()
    if path.is_dir():
        raise click.BadParameter(f"{text}: is a folder; choose another file")
    if path.exists() and not path.is_file():  # /dev/null, a pipe: what is written would take its place
        raise click.BadParameter(f"{text}: is no plain file; choose another")
    if not path.parent.is_dir():
        raise click.BadParameter(f"{text}: there is no folder {path.parent}; create it, or choose another file")
    if not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"{text}: the folder {path.parent} cannot be written; choose another file")
    return path


def explained(error: click.UsageError) -> ConfigError:
    """What click finds wrong with a command line, in genlab's words."""
    param, message = getattr(error, "param", None), error.message
    if isinstance(error, click.NoSuchOption):
        near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        message = f"{error.option_name}: no such option{near}"
    elif isinstance(error, click.MissingParameter) and param is not None:
        message = f"the following arguments are required: {param.human_readable_name}"
    elif isinstance(error, click.BadParameter) and param is not None:
        name = max(param.opts, key=len) if isinstance(param, click.Option) else param.human_readable_name
        message = f"{name}: {message}"
    elif isinstance(error, click.BadOptionUsage):
        message = f"{error.option_name}: {'takes no value' if 'not take' in message else 'expected one argument'}"
    return ConfigError(f"{message}; see {error.ctx.command_path if error.ctx else 'genlab'} --help")
