"""The `genlab` command."""

import difflib
import os
import sys
from importlib import import_module
from itertools import chain

import click
from click.shell_completion import shell_complete

from genlab import __version__
from genlab.cli.options import RunFolder, argument, command, explained, trust_options
from genlab.console.program import begin, leave_unread
from genlab.errors import ConfigError, GenlabError, lack_of_memory
from genlab.processes.agreement import spoken

COMMANDS = {
    "train": "train a model, as python train.py does; genlab train --help shows the settings",
    "resume": "go on with a run that was interrupted or killed, or train it for longer",
    "runs": "list the runs that are there: status, model, settings, headline metric",
    "sample": "draw new images from a trained model",
    "reconstruct": "show test images above their reconstructions",
    "features": "train the network in whose features samples of other data than MNIST are scored",
    "evaluate": "measure a trained model: likelihood, and the quality of its samples",
    "interpolate": "walk from one image to another through the latent space",
    "explore": "one page in which a trained model runs: touch its latent space, draw a digit",
    "report": "one page about runs: curves, pictures, scores, and how they compare",
    "tune": "search for the settings that make a metric best",
    "export": "weights for elsewhere: safetensors or ONNX, with a card",
    "new": "write a starter for a model of your own",
}

HELP = f"""genlab: generative models on MNIST-like images

{chr(10).join(f"  genlab {name:<12} {text}" for name, text in COMMANDS.items())}

genlab COMMAND --help shows the options and examples of a command, genlab --version the version.
eval "$(_GENLAB_COMPLETE=bash_source genlab)" in ~/.bashrc completes commands, options and run
folders with the Tab key; for zsh zsh_source in ~/.zshrc.

Examples:
  genlab train model=vae
  genlab train model=vae model.latent_dim=2 trainer.max_epochs=5
  genlab train -m model.latent_dim=2,20 seed=0,1
  genlab tune search=vae_nll search.trials=20
  genlab runs
  genlab sample outputs/vae/2026-11-22_18-27-24-7698e350 -n 64 --seed 1 --out samples.png"""


class Commands(click.Group):
    """Imports the module of a command when that is called."""

    def get_help(self, ctx: click.Context) -> str:
        return HELP

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "resume":
            return resume
        if cmd_name == "train":
            from genlab.cli.flags import TRAIN

            return TRAIN
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"genlab.cli.{cmd_name}"), cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], [*COMMANDS, "--help", "--version"], n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(f"{args[0]}: no such command; {meant}Allowed: {', '.join(COMMANDS)}. See genlab --help")
        return super().resolve_command(ctx, args)


SETTINGS = {"help_option_names": ["-h", "--help"], "ignore_unknown_options": True}


def _tell_versions(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # here: it takes a fifth of the time of --help

        click.echo(f"{__version__} (torch {version('torch')}, pytorch-lightning {version('pytorch-lightning')})")
        ctx.exit()


VERSION = click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_versions)
GENLAB = VERSION(Commands("genlab", context_settings=SETTINGS))


def main() -> None:
    """Entry point: `genlab COMMAND …`."""
    begin()
    completes = os.environ.get("_GENLAB_COMPLETE")
    if completes:
        sys.exit(shell_complete(GENLAB, {}, "genlab", "_GENLAB_COMPLETE", completes))
    try:
        if sys.argv[1:2] == ["train"]:  # Hydra reads what stands behind it
            _train()
        else:
            _run(sys.argv[1:] or ["--help"])
            sys.stdout.flush()  # here, where a reader that has gone away is answered
    except BrokenPipeError:  # of genlab runs | head
        leave_unread()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except (GenlabError, OSError, ImportError, MemoryError) as error:
        told = str(error) if isinstance(error, GenlabError | OSError) else lack_of_memory(error)
        if told is None or os.environ.get("GENLAB_DEBUG"):
            raise
        for line in spoken(told):
            print(f"error: {line}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


def _run(arguments: list[str]) -> None:
    try:
        with GENLAB.make_context("genlab", arguments) as context:
            GENLAB.invoke(context)
    except click.exceptions.Exit:  # after --help
        pass
    except click.UsageError as error:
        raise explained(error) from None


def _train() -> None:
    from genlab.cli import train

    # Lightning starts further processes of a run by this path, so it must be a script that trains
    sys.argv[:2] = [train.__file__]
    train.main()


@command(
    "resume",
    "Go on with a run from its last checkpoint, in its folder and with its settings,\n"
    "as if it had never stopped. A finished run goes on when it is given more epochs.",
    [
        "genlab resume outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab resume RUN_FOLDER trainer.max_epochs=60",
        "genlab resume RUN_FOLDER trainer.accelerator=cpu data.root=/data",
    ],
)
@argument("folder", "RUN_FOLDER", "folder of a run; genlab runs lists those there are", type=RunFolder())
@argument(
    "overrides",
    "KEY=VALUE",
    "trainer.max_epochs, trainer.accelerator, trainer.devices, trainer.compile, data.root or data.num_workers",
    nargs=-1,
)
@trust_options
def resume(
    folder: str, overrides: tuple[str, ...], trust: tuple[str, ...], config_dir: tuple[tuple[str, ...], ...]
) -> None:
    from genlab.cli import train

    trusted = [f"--trust={name}" for name in (*trust, *chain(*config_dir))]
    sys.argv[:] = [train.__file__, f"resume={folder}", *overrides, *trusted]  # see _train
    train.resume_run(folder, sys.argv[2:])


if __name__ == "__main__":
    main()
