"""The command line of training: checked names → Hydra → genlab.training.train."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from genlab.configuration import config_dir
from genlab.errors import ConfigError, GenlabError
from genlab.overrides import check
from genlab.quiet import keep_quiet
from genlab.readable import short

# 128 + the number of the signal, as shells have it
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def main() -> None:
    """`python train.py KEY=VALUE …`, and `genlab train KEY=VALUE …`."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # a fault of genlab's own shows where it is
    if not os.environ.get("GENLAB_DEBUG"):
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported
    folders = [argument.removeprefix("resume=") for argument in sys.argv[1:] if argument.startswith("resume=")]
    if folders:
        resume_run(folders[-1], [argument for argument in sys.argv[1:] if not argument.startswith("resume=")])
        return
    try:
        sys.argv[1:] = check(sys.argv[1:])
    except ConfigError as error:
        sys.exit(_one_line(error, code=2))
    try:
        _run()
    except (GenlabError, OSError) as error:  # of Hydra, which makes the run folder, or of a job of a sweep
        if os.environ.get("GENLAB_DEBUG"):
            raise
        sys.exit(_one_line(error, code=1))


def resume_run(folder: str, overrides: list[str]) -> None:
    """`python train.py resume=FOLDER …`, and `genlab resume FOLDER …`."""
    with answered(folder):
        from genlab.resume import resume

        resume(folder, overrides)


@hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")
def _run(cfg: DictConfig) -> None:
    single = HydraConfig.get().mode == RunMode.RUN
    with answered(cfg.run_dir, sweep=not single):
        from genlab.training import train  # seconds, because of torch: a wrong name is answered before

        keep_quiet()
        try:
            train(cfg, overrides=HydraConfig.get().overrides.task)
        except GenlabError:
            if single:
                _remove_if_empty(Path(cfg.run_dir), Path(cfg.outputs).absolute())
            raise


@contextmanager
def answered(folder: str, sweep: bool = False) -> Iterator[None]:
    """What ends a run early ends the program with one line; GENLAB_DEBUG=1 shows the traceback.

    Args:
        folder: of the run.
        sweep: an error is raised: Hydra goes on with the other jobs, and raises the first at the end.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        # Lightning turns Ctrl-C into an exit with code 1
        begun = (Path(folder) / "config.yaml").exists()
        how = f"; to go on: genlab resume {shlex.quote(short(folder))}" if begun else ""
        if os.environ.get("LOCAL_RANK", "0") == "0":  # of several processes one speaks
            print(f"interrupted{how}", file=sys.stderr)
        sys.exit(TERMINATED if getattr(error, "code", None) == TERMINATED else INTERRUPTED)
    except (GenlabError, OSError) as error:
        if sweep or os.environ.get("GENLAB_DEBUG"):
            raise
        sys.exit(_one_line(error, code=1))


def _terminate(*_: object) -> None:
    """On SIGTERM, leave through every `finally`, so that the summary says how the run ended."""
    sys.exit(TERMINATED)


def _one_line(error: GenlabError | OSError, code: int) -> int:
    text = str(error)
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else text
        text = f"{what}; make room, or choose another folder with outputs=FOLDER"
    print(f"error: {text}", file=sys.stderr)
    return code


def _remove_if_empty(folder: Path, outputs: Path) -> None:
    """Hydra makes the run folder before the values are checked: leave nothing of a run that did not start."""
    below_outputs = [parent for parent in folder.parents if parent.is_relative_to(outputs)]
    for empty in [folder, *below_outputs]:
        if any(empty.iterdir()):
            return
        empty.rmdir()


if __name__ == "__main__":
    main()
