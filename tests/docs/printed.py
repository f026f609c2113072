"""The commands that README.md and docs/ print."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]}

# What stands for something of the reader's, or needs a run or a folder that a test does not have
OF_THE_READER = ("_FOLDER", "my_", "…", "resume=", "--config-dir")


def printed(*starts, without=()):
    """Command → the page it is on first. Commands are indented, or stand in a block; their comments are left out."""
    commands = {}
    for page, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE) + [
            line for block in blocks for line in block.split("\n")
        ]
        for line in lines:
            told = re.match(r"genlab( {2,}| \d)", line)  # what a command prints
            if line.startswith(starts) and not told and not any(word in line for word in without):
                commands.setdefault(tuple(shlex.split(line, comments=True)), page)
    return commands
