"""Train a preset and ship its weights as pretrained:NAME.

    python benchmarks/pretrain.py vae

One preset a call. Stopped and called again, it goes on where it was; a preset that is trained already is exported
anew. KEY=VALUE changes a setting, as `data=digits trainer.max_epochs=1` for a trial of seconds. The weights keep 16
bits of each number; all presets together may have 6 MB.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from genlab.cli.main import main as command_line
from genlab.runs.configuration import quoted
from genlab.runs.pretrained import SHIPPED

PRESETS = {
    "autoencoder": ["model=autoencoder"],
    "vae": ["model=vae", "trainer.max_epochs=8"],
    "vae_2d": ["experiment=vae_2d"],
    "gan": ["experiment=gan_convolutional"],
    "flow": ["model=flow"],
    "autoregressive": ["model=autoregressive"],
}
MOST = 6_000_000  # bytes of all of them


def genlab(*arguments: str | Path) -> None:
    """Run `genlab …` in this process; end with its code if it fails."""
    sys.argv = ["genlab", *map(str, arguments)]
    try:
        command_line()
    except SystemExit as end:
        if end.code:
            raise


def status(folder: Path) -> str | None:
    """Of the run that is there; None without one."""
    summary = folder / "summary.json"
    return json.loads(summary.read_text(encoding="utf-8"))["status"] if summary.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings of the run; it is evaluated too")
    parser.add_argument("--runs", type=Path, default=Path("outputs/pretrained"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder of the exports")
    given = parser.parse_args()
    run, out = given.runs / given.preset, given.out / given.preset
    if status(run) is None:
        settings = [*PRESETS[given.preset], "evaluate=true", *given.overrides]
        genlab("train", *settings, f"hydra.run.dir={quoted(str(run.absolute()))}")
    elif status(run) != "finished":
        genlab("resume", run)
    export = run / "exports" / "pretrained"
    shutil.rmtree(export, ignore_errors=True)
    genlab("export", run, "--half", "--out", export)
    others = [path for path in given.out.glob("*/*") if path.parent != out]
    size = sum(path.stat().st_size for path in [*others, *export.iterdir()])
    if size > MOST:
        sys.exit(
            f"error: {size / 1e6:.1f} MB with the others, and {MOST / 1e6:.0f} MB are allowed; train a smaller one"
        )
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(export, out)
    print(f"pretrained:{given.preset}: {size / 1e6:.1f} of {MOST / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
