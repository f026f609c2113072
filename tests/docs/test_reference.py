"""docs/reference.md says what the configs and the docstrings say."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(reference):
    written = reference.PAGE.read_text(encoding="utf-8")
    assert written == reference.page(), "docs/reference.md is out of date; write it anew: python docs/reference.py"


def test_every_setting_has_a_meaning(reference):
    """But for those of Lightning's trainer, and two whose names say it."""
    rows = [line.split(" | ") for line in reference.page().splitlines() if line.startswith("| `")]
    silent = {row[0].strip("| `") for row in rows if len(row) == 3 and row[2].strip(" |") == ""}
    assert {name for name in silent if not name.startswith("trainer.")} <= {"run_dir", "evaluation.seed"}
