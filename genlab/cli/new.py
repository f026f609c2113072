"""`genlab new model NAME`: a starter for a model of the user's own."""

import keyword
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from string import Template

import click

from genlab.cli.options import command
from genlab.errors import ConfigError, DiskError
from genlab.runs.configuration import config_dir

TEMPLATES = Path(__file__).parent / "new_model"
# Template → where it goes in the package
FILES = {
    "__init__.py": "__init__.py",
    "model.py": "model.py",
    "model.yaml": "conf/model/$name.yaml",
    "test_model.py": "test_$name.py",
}


@command(examples=["genlab new model my_vae", "genlab new model mixture_of_experts"])
@click.argument("kind", metavar="model", help="what is written", type=click.Choice(["model"]))
@click.argument("name", metavar="NAME", help="of the package, a Python name as my_vae")
def new(kind: str, name: str) -> None:
    """Write a small model that works into a package of your own in this folder: a LightningModule, its config and its
    test. It trains as it is, by the command that is printed; change it step by step.
    """
    _check(name)
    folder = Path(name)
    title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    try:
        folder.mkdir()
        try:
            for source, target in FILES.items():
                path = folder / Template(target).substitute(name=name)
                path.parent.mkdir(parents=True, exist_ok=True)
                text = Template((TEMPLATES / f"{source}.template").read_text(encoding="utf-8"))
                path.write_text(text.substitute(name=name, title=title), encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise DiskError(f"{folder}: {error.strerror or error}; go to a folder that can be written") from None
    print(f"{folder}/: model.py, {FILES['model.yaml'].replace('$name', name)}, test_{name}.py")
    print(f"train it    genlab train --config-dir {name}/conf model={name}")
    print(f"test it     python -m pytest {name}")


def _check(name: str) -> None:
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ConfigError(f"{name}: no name for a Python package; use letters, digits and _, as my_vae")
    if Path(name).exists() or Path(name).is_symlink():
        raise ConfigError(f"{name}: is there already; choose another name, or go to another folder")
    if (config_dir() / "model" / f"{name}.yaml").exists():
        raise ConfigError(f"{name}: model={name} is genlab's own; choose another name")
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        raise ConfigError(f"{name}: import {name} is another package already; choose another name")
