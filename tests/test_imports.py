"""Imports point one way, and names are checked without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "genlab"

# room → the rooms of genlab it may import, besides itself
ALLOWED = {
    "networks": {"arguments", "errors"},
    "objectives": {"arguments", "errors"},
    "bijections": {"arguments", "errors", "networks"},
    "data": {"arguments", "errors"},
    "models": {"arguments", "errors", "capabilities", "networks", "objectives", "bijections", "latents"},
    # data: for the script that trains the feature network
    "evaluation": {"arguments", "errors", "capabilities", "networks", "data"},
    "loggers": {"arguments", "errors", "runs"},
    "callbacks": {"arguments", "errors", "capabilities", "evaluation", "latents", "processes", "readable", "runs"},
    "runs": {"arguments", "configuration", "errors", "readable"},
    "report": {"errors", "readable", "runs"},
    "sweeps": {
        "arguments",
        "commands",
        "configuration",
        "errors",
        "mendable",
        "processes",
        "quiet",
        "readable",
        "runs",
        "training",
    },
    "tuning": {
        "arguments",
        "callbacks",
        "configuration",
        "errors",
        "overrides",
        "readable",
        "runs",
        "training",
    },
    # all but what composes configs and trains
    "commands": {
        "callbacks",
        "capabilities",
        "quick_cpu",
        "errors",
        "evaluating",
        "evaluation",
        "quiet",
        "readable",
        "reload",
        "report",
        "runs",
        "tuning",
    },
}


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


@pytest.mark.parametrize(
    "path", [path for room in ALLOWED for path in sorted((PACKAGE / room).glob("*.py"))], ids=lambda p: str(p.name)
)
def test_imports_point_one_way(path):
    room = path.parent.name
    assert set(imported_rooms(path)) <= ALLOWED[room] | {room}


def test_every_room_has_its_rule():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(ALLOWED)


@pytest.mark.parametrize("room", ["networks", "objectives", "bijections"])
def test_mathematics_knows_no_lightning(room):
    for path in (PACKAGE / room).glob("*.py"):
        assert "lightning" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("module", ["genlab", "genlab.cli", "genlab.launch", "genlab.overrides"])
def test_the_command_line_does_not_import_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_commands_import_neither_torch_nor_hydra_before_they_run():
    modules = ", ".join(f"genlab.commands.{path.stem}" for path in (PACKAGE / "commands").glob("[a-z]*.py"))
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'hydra'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
