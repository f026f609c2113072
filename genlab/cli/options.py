"""What the commands of `genlab` share: help with examples, arguments and options; without torch."""

import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from genlab.errors import ConfigError, DiskError

NEARLY = 0.8  # so alike is a slip to the option that was meant
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose help ends with examples.

    Args:
        examples: whole command lines.
        open_to: the parameter that gets, name → text, the options that the command does not know; None: there are none.
    """

    def __init__(self, name: str, examples: Sequence[str] = (), open_to: str | None = None, **kwargs: Any) -> None:
        super().__init__(name, context_settings=SETTINGS, **kwargs)
        self.examples = examples
        self.open_to = open_to

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("".join(["\nExamples:\n", *(f"  {example}\n" for example in self.examples)]))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.open_to:
            args, ctx.params[self.open_to] = self._without_unknown(ctx, args)
        return super().parse_args(ctx, args)

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
                raise click.BadOptionUsage(name, f"Option {name!r} requires an argument.", ctx)
            found[name.removeprefix("--").replace("-", "_")] = value
        return left, found


command = partial(click.command, cls=Command)


def explained(error: click.UsageError) -> ConfigError:
    """What click finds wrong with a command line, with the way to the help."""
    path = error.ctx.command_path if error.ctx else "genlab COMMAND"
    return ConfigError(f"{error.format_message().rstrip('.')}; see {path} --help")


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


checkpoint_option = click.option(
    "--checkpoint",
    type=click.Choice(("best", "last")),
    help="which weights (default: best, or last where no validation metric chooses a best)",
)


def trust_options(function: _Decorated) -> _Decorated:
    """Decorator: `trust`, what a run's config may name besides the classes of genlab's configs."""

    @click.option(
        "--trust",
        multiple=True,
        metavar="PACKAGE",
        help="classes of this package may run, where the run's config names them",
    )
    @click.option(
        "--config-dir",
        "users",
        multiple=True,
        type=_classes_named_in,
        metavar="FOLDER",
        help="so may the classes that the configs in this folder name",
    )
    @wraps(function)
    def vouched(trust: Sequence[str], users: Sequence[Sequence[str]], **given: Any) -> Any:
        return function(trust=[*trust, *chain(*users)], **given)

    return vouched  # type: ignore[return-value]


def _classes_named_in(text: str) -> tuple[str, ...]:
    from genlab.runs.classes import classes_named_in  # here, because of OmegaConf, which --help does without

    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise click.BadParameter(f"{text}: no such folder; give one with folders as model/ in it")
    return classes_named_in(folder)


SEED = click.IntRange(0, 2**32 - 1)  # as for training


def data_root(text: str) -> tuple[str | None]:
    """The `type` of data.root=FOLDER: (FOLDER,), and for data.root=null, the folder in the user's cache, (None,)."""
    key, equals, root = text.partition("=")
    if key != "data.root" or not equals:
        raise click.BadParameter(f"{text}: only data.root=FOLDER can be given here")
    return (None if root == "null" else root,)


def output_file(text: str) -> Path:
    """The `type` of --out."""
    path = Path(text).expanduser()
    if path.exists() and not path.is_file():  # what is written would take the place of /dev/null
        raise click.BadParameter(f"{text}: is a folder, a pipe or a device; choose another file")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise click.BadParameter(f"{text}: the folder {path.parent} is not there, or cannot be written; choose another")
    return path


@contextmanager
def writing(out: Path, remedy: str = "choose another file with --out") -> Iterator[None]:
    """What the system refuses while a file is written is a DiskError."""
    try:
        yield
    except OSError as error:
        raise DiskError(f"{out}: {error.strerror or error}; {remedy}") from None
