"""The command line of training: checked names → Hydra → genlab.training.train."""

import logging
import os
import signal
import sys
import warnings
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from genlab.configuration import config_dir
from genlab.errors import ConfigError, GenlabError
from genlab.overrides import check

# 128 + the number of the signal, as shells have it
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def main() -> None:
    """`python train.py KEY=VALUE …`, and `genlab train KEY=VALUE …`."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # a fault of genlab's own shows where it is
    try:
        sys.argv[1:] = check(sys.argv[1:])
    except ConfigError as error:
        sys.exit(_one_line(error, code=2))
    _run()


@hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")
def _run(cfg: DictConfig) -> None:
    single = HydraConfig.get().mode == RunMode.RUN
    try:
        from genlab.training import train  # seconds, because of torch: a wrong name is answered before

        keep_quiet()
        signal.signal(signal.SIGTERM, _terminate)
        train(cfg)
    except (KeyboardInterrupt, SystemExit) as error:
        # Lightning turns Ctrl-C into an exit with code 1
        print(f"interrupted: {cfg.run_dir}", file=sys.stderr)
        sys.exit(TERMINATED if getattr(error, "code", None) == TERMINATED else INTERRUPTED)
    except GenlabError as error:
        if os.environ.get("GENLAB_DEBUG"):
            raise
        if not single:
            raise  # Hydra goes on with the other jobs of the sweep, and raises this at the end
        _remove_if_empty(Path(cfg.run_dir), Path(cfg.outputs).absolute())
        sys.exit(_one_line(error, code=1))


def _terminate(*_: object) -> None:
    """On SIGTERM, leave through every `finally`, so that the summary says how the run ended."""
    sys.exit(TERMINATED)


def _one_line(error: GenlabError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _remove_if_empty(folder: Path, outputs: Path) -> None:
    """Hydra makes the run folder before the values are checked: leave nothing of a run that did not start."""
    below_outputs = [parent for parent in folder.parents if parent.is_relative_to(outputs)]
    for empty in [folder, *below_outputs]:
        if any(empty.iterdir()):
            return
        empty.rmdir()


def keep_quiet() -> None:
    """The console is genlab's: no tips, adverts and warnings of libraries, unless GENLAB_DEBUG=1."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    genlab = logging.getLogger("genlab")
    genlab.handlers = [handler]
    genlab.propagate = False
    if os.environ.get("GENLAB_DEBUG"):
        return
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning_fabric", "lightning_utilities", "torch", "matplotlib"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
