"""Arguments of the commands, and what may be given for them; without torch."""

import argparse
import difflib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from genlab.errors import ConfigError
from genlab.runs.classes import classes_named_in

LARGEST_SEED = 2**32 - 1  # as for training


class Parser(argparse.ArgumentParser):
    """Answers a wrong option with one line: the cause, and where the right ones are.

    Args:
        command: as `genlab sample`.
        description: what it does.
        examples: whole command lines.
    """

    def __init__(self, command: str, description: str, examples: Sequence[str]) -> None:
        lines = "\n".join(f"  {example}" for example in examples)
        super().__init__(
            prog=command,
            description=description,
            epilog=f"Examples:\n{lines}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Options and positional arguments, in any order.

        Raises:
            ConfigError: an argument that does not exist, or is missing, or has a wrong value.
        """
        options = self._option_string_actions
        for argument in arguments:  # first, because argparse would find fault with the value behind it instead
            name = argument.partition("=")[0]
            if re.match("--?[A-Za-z]", name) and name not in options and (name[:2] == "--" or name[:2] not in options):
                near = difflib.get_close_matches(name, options, n=1)
                self.error(f"{name}: no such option" + (f"; did you mean {near[0]}?" if near else ""))
        parsed, rest = self.parse_known_intermixed_args(arguments)
        if rest:
            self.error(f"{rest[0]}: one argument too many")
        return parsed

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def add_run_options(parser: Parser) -> None:
    """RUN_FOLDER and the options that all commands with a trained model share.

    Args:
        parser: gets them.
    """
    parser.add_argument("folder", metavar="RUN_FOLDER", help="folder of a run; genlab runs lists those there are")
    parser.add_argument(
        "data_root",
        metavar="data.root=FOLDER",
        nargs="?",
        type=data_root,
        help="folder of the data files, if not that of the run; data.root=null is the one in your cache",
    )
    add_trust_options(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... (default: cpu)")
    parser.add_argument(
        "--checkpoint",
        choices=("best", "last"),
        help="which weights (default: best, or last where no validation metric chooses a best)",
    )


def add_trust_options(parser: Parser) -> None:
    """`trust`: what a run's config may name besides the classes of genlab's configs.

    Args:
        parser: gets them.
    """
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="classes of this package may run, where the run's config names them",
    )
    parser.add_argument(
        "--config-dir",
        dest="trust",
        action="extend",
        type=_classes_named_in,
        metavar="FOLDER",
        help="so may the classes that the configs in this folder name",
    )


def _classes_named_in(text: str) -> tuple[str, ...]:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: no such folder; give one with folders as model/ in it")
    return classes_named_in(folder)


def add_picture_options(parser: Parser, out: str) -> None:
    """Those of `add_run_options`, and --out.

    Args:
        parser: gets them.
        out: the default file.
    """
    add_run_options(parser)
    parser.add_argument("--out", type=_png, default=out, metavar="FILE.png", help=f"the picture (default: {out})")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The `type` of an argument that is a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text}: should be a whole number from {least} to {most}")
        return number

    return parse


def seed(text: str) -> int:
    """The `type` of --seed."""
    return whole_number(0, LARGEST_SEED)(text)


def positive(text: str) -> float:
    """The `type` of a number above 0 and below 100."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 100:
        raise argparse.ArgumentTypeError(f"{text}: should be a number above 0 and below 100")
    return number


def data_root(text: str) -> tuple[str | None]:
    """The `type` of data.root=FOLDER: (FOLDER,), and for data.root=null, the folder in the user's cache, (None,)."""
    key, equals, root = text.partition("=")
    if key != "data.root" or not equals:
        raise argparse.ArgumentTypeError(f"{text}: only data.root=FOLDER can be given here")
    return (None if root == "null" else root,)


def _png(text: str) -> Path:
    path = Path(text).expanduser()
    folder = path.parent
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"{text}: should end in .png")
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no folder {folder}; create it, or choose another file")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: is a folder; choose another file")
    if not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text}: the folder {folder} cannot be written; choose another file")
    return path
