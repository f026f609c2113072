"""What a run is and how it is read again, in a few lines of Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab.console.readable import to_copy
from genlab.runs.identity import short_names

FIRST = ("seed", "latent_dim", "learning_rate", "generator_learning_rate", "batch_size", "max_epochs")


def description(folder: Path, settings: Mapping[str, Any]) -> str:
    """A title, the settings that a reader asks for first, all others, and how to load, evaluate and resume the run."""
    names = short_names(list(settings))
    words = ", ".join(f"{names[address]} {value}" for address, value in settings.items() if names[address] in FIRST)
    table = "\n".join(f"| {address} | {value} |" for address, value in settings.items())
    commands = "\n".join(f"    {to_copy('genlab', verb, folder)}" for verb in ("sample", "evaluate", "resume"))
    return f"""### {settings["model"]} on {settings.get("data.name", "data")}: {words}

Load it in Python:

    import genlab
    run = genlab.load_run({str(folder.absolute())!r})
    run.model, run.metrics, run.history()

In a terminal:

{commands}

| setting | value |
|---|---|
{table}
"""
