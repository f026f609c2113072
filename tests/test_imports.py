"""Imports point one way, and names are checked without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from genlab.cli.main import COMMANDS

PACKAGE = Path(__file__).parents[1] / "genlab"

# From the ground up: a room may use the modules at the root and the rooms above it here, never one below.
ROOT = ("errors", "arguments", "quantities", "capabilities")
ROOMS = (
    "processes",
    "console",
    "networks",
    "objectives",
    "bijections",
    "data",
    "models",
    "evaluation",
    "runs",
    "loggers",
    "pictures",
    "callbacks",
    "training",
    "sweeps",
    "tuning",
    "report",
    "cli",
)
# What the order would allow and nobody should want: the science knows nothing of the machinery
SCIENCE = ("networks", "objectives", "bijections", "data", "models", "evaluation", "pictures")
MACHINERY = {"processes", "console", "runs"}


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules = [node.module]
        else:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            top, _, rest = module.partition(".")
            if top == "genlab" and rest:
                yield rest.split(".")[0]


def name_of(path):
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_imports_point_one_way(path):
    parts = path.relative_to(PACKAGE).parts
    if parts == ("__init__.py",):
        allowed = {"runs", "cli"}  # genlab.load, genlab.train
    elif len(parts) == 1:
        allowed = set(ROOT[: ROOT.index(path.stem)])
    else:
        allowed = {*ROOT, *ROOMS[: ROOMS.index(parts[0]) + 1]}
        if parts[0] in SCIENCE:
            allowed -= MACHINERY
    assert set(imported_rooms(path)) <= allowed


def test_every_module_has_its_rule():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ROOMS)
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", *ROOT}


@pytest.mark.parametrize("room", ["networks", "objectives", "bijections"])
def test_mathematics_knows_no_lightning(room):
    for path in (PACKAGE / room).glob("*.py"):
        assert "lightning" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    "module", ["genlab", "genlab.quantities", "genlab.cli.main", "genlab.cli.train", "genlab.cli.overrides"]
)
def test_the_command_line_does_not_import_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_commands_import_neither_torch_nor_hydra_before_they_run():
    modules = ", ".join(f"genlab.cli.{name}" for name in COMMANDS if name not in ("train", "resume"))
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'hydra'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_help_waits_for_no_library_of_configs():
    unwanted = {"omegaconf", "pydantic", "importlib.metadata"}
    code = f"import sys, genlab.cli.main; sys.exit(bool({unwanted} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
