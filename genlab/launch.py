"""The command line of training: checked names → Hydra → genlab.training.train."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genlab.configuration import config_dir
from genlab.errors import GenlabError
from genlab.overrides import check
from genlab.quiet import keep_quiet
from genlab.readable import plain, short

# 128 + the number of the signal, as shells have it
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

_failed: list[str] = []  # jobs of a sweep


def main() -> None:
    """`python train.py KEY=VALUE …`, and `genlab train KEY=VALUE …`."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # a fault of genlab's own shows where it is
    if not os.environ.get("GENLAB_DEBUG"):
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported
    resumed = [argument for argument in sys.argv[1:] if argument.lstrip("+").startswith("resume=")]
    if resumed:
        resume_run(resumed[-1].partition("=")[2], [argument for argument in sys.argv[1:] if argument not in resumed])
        return
    code = 2
    _failed.clear()
    try:
        sys.argv[1:] = check(sys.argv[1:])
        code = 1
        _run()
    except Exception as error:
        sys.exit(_answer(error, code))
    if _failed:
        sys.exit(1)


def resume_run(folder: str, overrides: list[str]) -> None:
    """`python train.py resume=FOLDER …`, and `genlab resume FOLDER …`."""
    with answered(folder):
        from genlab.resume import resume

        resume(folder, overrides)


@hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")
def _run(cfg: DictConfig) -> None:
    single = HydraConfig.get().mode == RunMode.RUN
    made = Path(HydraConfig.get().runtime.output_dir)
    job = None if single else f"{HydraConfig.get().job.num} ({HydraConfig.get().job.override_dirname})"
    try:
        with answered(str(made), job):
            OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # a value may refer to nothing
            from genlab.training import train  # seconds, because of torch: a wrong name is answered before

            keep_quiet()
            train(cfg, overrides=HydraConfig.get().overrides.task)
    finally:
        _remove_if_empty(made, Path(cfg.outputs).absolute() if single else made)


@contextmanager
def answered(folder: str, job: str | None = None) -> Iterator[None]:
    """What ends a run early ends the program with one line; GENLAB_DEBUG=1 shows the traceback.

    Args:
        folder: of the run.
        job: of a sweep, whose other jobs go on.
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
    except Exception as error:
        code = _answer(error, 1, job)
        if job is None:
            sys.exit(code)
        _failed.append(job)


def _terminate(*_: object) -> None:
    """On SIGTERM, leave through every `finally`, so that the summary says how the run ended."""
    sys.exit(TERMINATED)


def _answer(error: Exception, code: int, job: str | None = None) -> int:
    """One line for what a user can mend; everything else, a fault of genlab's own, is raised again."""
    text = _mendable(error)
    if text is None or os.environ.get("GENLAB_DEBUG"):
        raise error
    print(f"error: {f'job {job}: ' if job else ''}{plain(text)}", file=sys.stderr)
    return code


def _mendable(error: Exception) -> str | None:
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key}: {str(error.msg).splitlines()[0]}; give it a value"
    if isinstance(error, (GenlabError, HydraException)) and not isinstance(error, InstantiationException):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return f"{what}; make room, or choose another folder with outputs=FOLDER"
    if isinstance(error, MemoryError) or re.search("out of memory|can't allocate memory", str(error)):
        what = str(error).partition("\n")[0][:200] or "MemoryError"
        return f"{what}; make data.batch_size, the model, or what a callback draws smaller"
    return None


def _remove_if_empty(folder: Path, outputs: Path) -> None:
    """Hydra makes a folder before the values are checked: leave nothing of a run that has not started, or not there."""
    below_outputs = [parent for parent in folder.parents if parent.is_relative_to(outputs)]
    with suppress(OSError):  # it is not empty
        for empty in [folder, *below_outputs]:
            empty.rmdir()


if __name__ == "__main__":
    main()
