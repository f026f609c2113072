"""The page: one HTML file that asks for nothing else."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from genlab import __version__
from genlab.errors import RunError
from genlab.report.explorer import BITS, SNAPSHOT_BITS

HERE = Path(__file__).parent
SCRIPTS = ("network.js", "latents.js", "panel.js", "pad.js", "explorer.js")  # in this order
LARGEST = 20_000_000  # characters: what mail still carries


def page(exhibits: Sequence[Mapping[str, Any]]) -> str:
    """HTML with everything in it: networks, script and styles.

    Args:
        exhibits: of the runs, see `genlab.report.explorer.exhibit`.

    Raises:
        RunError: it would be too large.
    """
    data = json.dumps(exhibits, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    if len(data) > LARGEST:
        raise RunError(
            f"{' and '.join(str(each['name']) for each in exhibits)}: the weights make a page of {len(data) / 1e6:.0f} "
            f"MB, and {LARGEST / 1e6:.0f} are the most; take fewer runs or a smaller model"
        )
    return template(HERE).render(
        exhibits=exhibits,
        version=__version__,
        replays=any(len(each.get("epochs", ())) > 1 for each in exhibits),
        bits=BITS,
        snapshot_bits=SNAPSHOT_BITS,
        data=Markup(data),  # no tag can begin in it
        script=Markup(script()),
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        script_hash=digest(script()),
    )


def template(folder: Path, **words: object) -> Template:
    """The page of a folder, with what it may call."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words)
    return environment.get_template("template.html")


def script() -> str:
    """All of the page's JavaScript."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)


def digest(script: str) -> str:
    """Its SHA-256, by which a content security policy lets it run and nothing else; that of a page around it too."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def runs_in(file: Path) -> set[str]:
    """The names of the runs that an explorer's page is about; none, if it is no such page."""
    try:
        with file.open(encoding="utf-8") as opened:
            head = opened.read(20_000)
    except (OSError, UnicodeDecodeError):
        return set()
    return {html.unescape(name) for name in re.findall(r'<meta name="genlab-run" content="([^"]*)">', head)}
