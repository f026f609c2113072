"""Write docs/reference.md from the configs and the docstrings of the classes they name: python docs/reference.py."""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.utils import get_class

from genlab.quantities import KNOWN

CONF = Path(__file__).parents[1] / "conf"
PAGE = Path(__file__).with_suffix(".md")

INTRODUCTION = """# Reference: settings and quantities

`python docs/reference.py` writes this page from `conf/` and the docstrings, and a test checks that it is up to date.
`python train.py model=gan --cfg job` prints the settings of one run. A name that does not exist is answered with the
nearest that does.
"""

TRAINER = """Any argument of Lightning's `Trainer` can be set, as `trainer.limit_train_batches=20` or
`trainer.precision=bf16-mixed` (`auto`: if the processor is fast at it). genlab's defaults:
"""
QUANTITIES = "Tags are `split/quantity`: `train/elbo`, `val/elbo`, `test/elbo`.\n"


def page() -> str:
    """The whole page, in Markdown."""
    parts = [INTRODUCTION, "## Settings of a run\n", _values(CONF / "config.yaml", "", skip=("defaults", "hydra"))]
    for group, title in (("model", "Models"), ("data", "Data"), ("callbacks", "Callbacks"), ("logger", "Loggers")):
        names = ", ".join(f"`{group}={path.stem}`" for path in sorted((CONF / group).glob("*.yaml")))
        parts += [f"## {title}: `{group}=`\n", f"Options: {names}.\n", *_classes(group)]
    parts += ["## The trainer: `trainer=`\n", _options("trainer"), TRAINER]
    parts += [_values(CONF / "trainer" / "default.yaml", "trainer.")]
    for group, title in (("experiment", "Experiments"), ("debug", "Debugging"), ("search", "Searches")):
        parts += [f"## {title}: `{group}=`\n", _options(group)]
    rows = [(f"`{q.name}`", q.unit or "—", q.better or "—", q.meaning or q.title) for q in KNOWN.values()]
    parts += ["## Quantities\n", QUANTITIES, _table(("quantity", "unit", "better", "meaning"), rows)]
    return "\n".join(parts)


def _classes(group: str) -> Iterator[str]:
    """Each class that an option of the group names, once, with its arguments."""
    named: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path in sorted((CONF / group).glob("*.yaml")):
        for address, node in _nodes(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, group):
            option = f"{group}={path.stem}" if address == group else address
            named.setdefault(node["_target_"], []).append((option, address, node))
    for target, places in named.items():
        _, address, node = places[0]
        found = get_class(target)
        options = ", ".join(f"`{option}`" for option in dict.fromkeys(option for option, _, _ in places))
        yield f"### {found.__name__}: {options}\n\n{_summary(found)}\n"
        if address == group and (others := list(_beside(CONF / group / f"{options.rpartition('=')[2][:-1]}.yaml"))):
            yield f"It also sets {', '.join(others)}.\n"
        rows = [(f"`{address}.{name}`", *cells) for name, *cells in _settings(found, node, len(places) > 1)]
        if rows:
            yield _table(("setting", "default", "meaning"), rows)


def _nodes(value: Any, group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address, settings) of whatever names a class: the option itself, or its parts."""
    inner = value.get(group, value) if isinstance(value, dict) else {}
    if "_target_" in inner:
        yield group, inner
        return
    for name, node in inner.items():
        if isinstance(node, dict) and "_target_" in node:
            yield f"{group}.{name}", node


def _beside(path: Path) -> Iterator[str]:
    """What an option sets outside its own group, as `trainer.max_epochs=40`."""
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.parent.name in value:  # else it is all of the group
        for section, settings in value.items():
            if section not in ("defaults", path.parent.name):
                yield from _typed(section, settings)


def _typed(address: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _typed(f"{address}.{name}", below)
    else:
        yield f"`{address}={_said(value)[1:-1]}`"


def _summary(found: type) -> str:
    return (inspect.getdoc(found) or "").partition("\n\n")[0].replace("\n", " ")


def _settings(found: type, node: dict[str, Any], several: bool) -> Iterator[tuple[str, str, str]]:
    """(name, default, meaning) of each argument that a person may set: those of the config, others with a default."""
    meanings = _meanings(found)
    for name, parameter in inspect.signature(found).parameters.items():
        if name in node:
            yield name, "the option" if several and name == "name" else _said(node[name]), meanings.get(name, "")
        elif parameter.default is not parameter.empty:
            yield name, _said(parameter.default), meanings.get(name, "")


def _meanings(found: Any) -> dict[str, str]:
    """name → meaning, from the sections `Args:` of a class and its bases; `a, b: …` describes both.

    `see `Name`` stands for what the docstring of that class or function says.
    """
    meanings: dict[str, str] = {}
    for owner in inspect.getmro(found) if inspect.isclass(found) else (found,):
        _, _, section = inspect.cleandoc(owner.__doc__ or "").partition("Args:\n")
        section = re.split(r"\n\S", section)[0]
        for names, text in re.findall(r"^    (\w[\w, ]*): (.+(?:\n {8}.+)*)", section, re.MULTILINE):
            elsewhere = re.fullmatch(r"see `(\w+)`\.?", text)
            for name in names.split(", "):
                said = " ".join(text.split()).removesuffix(".")
                if elsewhere:
                    said = _meanings(getattr(sys.modules[owner.__module__], elsewhere[1])).get(name, "")
                meanings.setdefault(name, said)
    return meanings


def _options(group: str) -> str:
    """A row for each option, with the comment at the top of its file, or else what it sets."""
    rows = []
    for path in sorted((CONF / group).glob("*.yaml")):
        if path.stem == "default":
            continue
        text = path.read_text(encoding="utf-8")
        comments = re.match(r"(?:#.*\n)*", text)
        said = [line.lstrip("# ") for line in (comments[0] if comments else "").splitlines() if "@package" not in line]
        sets = [f"`{group}.{name}={value}`" for name, value in yaml.safe_load(text).items() if name != "defaults"]
        rows.append((f"`{group}={path.stem}`", " ".join(said) or ", ".join(sets)))
    return _table(("option", "what it is"), rows)


def _values(path: Path, prefix: str, skip: tuple[str, ...] = ()) -> str:
    """A row for each value of a file, with the comment on its line."""
    text = path.read_text(encoding="utf-8")
    remarks = dict(re.findall(r"^ *(\w+):.*?#\s*(.+)$", text, re.MULTILINE))
    rows = []
    for name, value in yaml.safe_load(text).items():
        below = value.items() if isinstance(value, dict) else [(None, value)]
        for key, item in below:
            if name not in skip and "_target_" not in (name, key):
                address = f"{prefix}{name}" if key is None else f"{prefix}{name}.{key}"
                rows.append((f"`{address}`", _said(item), remarks.get(key or name, "")))
    return _table(("setting", "default", "meaning"), rows)


def _table(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def _said(value: Any) -> str:
    """As it is typed: `null`, `true`, `[300, 300]`."""
    value = list(value) if isinstance(value, tuple) else value
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
