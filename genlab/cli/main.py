"""The `genlab` command."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from genlab import __version__
from genlab.cli.options import SETTINGS, RunFolder, command, explained, trust_options
from genlab.console.program import answer, begin, leave_unread
from genlab.console.readable import allowed
from genlab.errors import ConfigError
from genlab.processes.signals import INTERRUPTED

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
        if cmd_name not in COMMANDS:
            return None
        module = "names" if cmd_name == "train" else cmd_name  # for completion only: see `main`
        found: click.Command = getattr(import_module(f"genlab.cli.{module}"), cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise ConfigError(f"{args[0]}: no such command; {allowed(args[0], COMMANDS)}; see genlab --help")
        return super().resolve_command(ctx, args)


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
    if sys.argv[1:2] == ["train"]:  # Hydra reads what stands behind it
        from genlab.cli import train

        # Lightning starts further processes of a run by this path, so it must be a script that trains
        sys.argv[:2] = [train.__file__]
        train.main()
    else:
        run(sys.argv[1:] or ["--help"])


def run(arguments: list[str]) -> None:
    """Do what stands behind `genlab`; what a user can mend ends the program with one line."""
    try:
        GENLAB.main(arguments, "genlab", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has gone away is answered
    except BrokenPipeError:  # of genlab runs | head
        leave_unread()
        sys.exit(1)
    except click.Abort:  # Ctrl-C
        sys.exit(INTERRUPTED)
    except click.UsageError as error:
        sys.exit(answer(explained(error)))
    except Exception as error:
        sys.exit(answer(error))


@command(
    examples=[
        "genlab resume outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab resume RUN_FOLDER trainer.max_epochs=60",
        "genlab resume RUN_FOLDER trainer.accelerator=cpu data.root=/data",
    ]
)
@click.argument(
    "folder", metavar="RUN_FOLDER", help="folder of a run; genlab runs lists those there are", type=RunFolder()
)
@click.argument(
    "overrides",
    metavar="[KEY=VALUE...]",
    help="trainer.max_epochs, trainer.accelerator, trainer.devices, trainer.compile, data.root or data.num_workers",
    nargs=-1,
)
@trust_options
def resume(folder: str, overrides: Sequence[str], trust: Sequence[str]) -> None:
    """Go on with a run from its last checkpoint, in its folder and with its settings, as if it had never stopped. A
    finished run goes on when it is given more epochs.
    """
    from genlab.cli import train

    # see `main`
    sys.argv[:] = [train.__file__, f"resume={folder}", *overrides, *(f"--trust={name}" for name in trust)]
    train.resume_run(folder, overrides, trust)


if __name__ == "__main__":
    main()
