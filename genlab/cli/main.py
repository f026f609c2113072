"""The `genlab` command."""

import difflib
import os
import sys
from importlib import import_module

from genlab import __version__
from genlab.cli.options import Parser, add_trust_options
from genlab.errors import ConfigError, GenlabError, lack_of_memory
from genlab.processes.complaint import speaks

COMMANDS = {
    "train": "train a model, as python train.py does; genlab train --help shows the settings",
    "resume": "go on with a run that was interrupted or killed, or train it for longer",
    "runs": "list the runs that are there: status, model, settings, headline metric",
    "sample": "draw new images from a trained model",
    "reconstruct": "show test images above their reconstructions",
    "evaluate": "measure a trained model: likelihood, and the quality of its samples",
    "interpolate": "walk from one image to another through the latent space",
    "report": "one page about runs: curves, pictures, scores, and how they compare",
    "tune": "search for the settings that make a metric best",
}

HELP = """genlab: generative models on MNIST-like images

{commands}

genlab COMMAND --help shows the options and examples of a command, genlab --version the version.

Examples:
  genlab train model=vae
  genlab train model=vae model.latent_dim=2 trainer.max_epochs=5
  genlab train -m model.latent_dim=2,20 seed=0,1
  genlab tune search=vae_nll search.trials=20
  genlab runs
  genlab sample outputs/vae/2026-11-22_18-27-24-7698e350 -n 64 --seed 1 --out samples.png"""


def main() -> None:
    """Entry point: `genlab COMMAND …`."""
    command, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    try:
        if command == "train":
            _train()
        elif command == "resume":
            _resume(arguments)
        else:
            _run(command, arguments)
            sys.stdout.flush()  # here, where a reader that has gone away is answered
    except BrokenPipeError:  # of genlab runs | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except (GenlabError, OSError, ImportError, MemoryError) as error:
        told = str(error) if isinstance(error, GenlabError | OSError) else lack_of_memory(error)
        if told is None or os.environ.get("GENLAB_DEBUG"):
            raise
        if speaks(told):
            print(f"error: {told}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


def _run(command: str, arguments: list[str]) -> None:
    if command in ("-h", "--help"):
        print(HELP.format(commands="\n".join(f"  genlab {name:<12} {text}" for name, text in COMMANDS.items())))
    elif command == "--version":
        print(__version__)
    elif command in COMMANDS:
        module = import_module(f"genlab.cli.{command}")
        module.run(module.parser().parse(arguments))
    else:
        near = difflib.get_close_matches(command, [*COMMANDS, "--help", "--version"], n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"{command}: no such command; {meant}Allowed: {', '.join(COMMANDS)}. See genlab --help")


def _train() -> None:
    from genlab.cli import train

    # Lightning starts further processes of a run by this path, so it must be a script that trains
    sys.argv[:2] = [train.__file__]
    train.main()


def _resume(arguments: list[str]) -> None:
    given = _resume_parser().parse(arguments)
    from genlab.cli import train

    trusted = [f"--trust={name}" for name in given.trust]
    sys.argv[:] = [train.__file__, f"resume={given.folder}", *given.overrides, *trusted]  # see _train
    train.resume_run(given.folder, sys.argv[2:])


def _resume_parser() -> Parser:
    parser = Parser(
        "genlab resume",
        "Go on with a run from its last checkpoint, in its folder and with its settings,\n"
        "as if it had never stopped. A finished run goes on when it is given more epochs.",
        [
            "genlab resume outputs/vae/2026-11-22_18-27-24-7698e350",
            "genlab resume RUN_FOLDER trainer.max_epochs=60",
            "genlab resume RUN_FOLDER trainer.accelerator=cpu data.root=/data",
        ],
    )
    parser.add_argument("folder", metavar="RUN_FOLDER", help="folder of a run; genlab runs lists those there are")
    parser.add_argument(
        "overrides",
        metavar="KEY=VALUE",
        nargs="*",
        default=(),  # else argparse calls it required
        help="trainer.max_epochs, trainer.accelerator, trainer.devices, data.root or data.num_workers",
    )
    add_trust_options(parser)
    return parser


if __name__ == "__main__":
    main()
