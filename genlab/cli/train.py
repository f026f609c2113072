"""The command line of training: checked names → Hydra → genlab.training.train.train."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genlab.cli.main import run
from genlab.cli.overrides import check, typed
from genlab.console.program import answer, begin, keep_quiet, leave_unread, quick_imports
from genlab.console.readable import start_from, to_copy
from genlab.errors import ConfigError
from genlab.processes.peers import is_first, peers
from genlab.processes.signals import INTERRUPTED, code_of, exit_on_sigterm
from genlab.runs.configuration import config_dir
from genlab.sweeps.job import run_job
from genlab.sweeps.placement import placement


def main() -> None:
    """`python train.py KEY=VALUE …`, and `genlab train KEY=VALUE …`."""
    begin()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # a fault of genlab's own shows where it is
    resumed = [argument for argument in sys.argv[1:] if argument.lstrip("+").startswith("resume=")]
    if resumed:
        rest = [argument for argument in sys.argv[1:] if argument not in resumed]
        run(["resume", resumed[-1].partition("=")[2], *rest])
        return
    try:
        sys.argv[1:] = check(sys.argv[1:])
        _run()  # of a sweep, `hydra_plugins.genlab_sweeper` runs the jobs and exits with its code
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(answer(error, wrong=(ConfigError, HydraException, OmegaConfBaseException)))


def resume_run(folder: str, overrides: Sequence[str], trust: Sequence[str]) -> None:
    """See `genlab.training.resume.resume`."""
    with answered(folder):
        from genlab.training.resume import resume

        resume(folder, list(overrides), trust)


@hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")
def _run(cfg: DictConfig) -> None:
    hydra_config = HydraConfig.get()
    overrides, started = typed(list(hydra_config.overrides.task)), hydra_config.runtime.cwd
    if hydra_config.job.chdir:
        start_from(started)
        cfg.outputs = os.path.join(started, cfg.outputs)
        if cfg.data.get("root"):
            cfg.data.root = os.path.join(started, os.path.expanduser(str(cfg.data.root)))
    if hydra_config.mode == RunMode.MULTIRUN:
        sweep, number = Path(hydra_config.sweep.dir), hydra_config.job.num
        run_job(cfg, sweep, number, overrides, placement(hydra_config.launcher._target_))
        return
    made = Path(hydra_config.runtime.output_dir)
    try:
        with answered(str(made)):
            OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # a value may refer to nothing
            with quick_imports():
                from genlab.training.train import train  # seconds, because of torch: a wrong name is answered before

            keep_quiet()
            train(cfg, overrides=overrides)
    finally:
        _remove_if_empty(made, Path(cfg.outputs).absolute())


@contextmanager
def answered(folder: str) -> Iterator[None]:
    """What ends the run in a folder early ends the program with one line; GENLAB_DEBUG=1 shows the traceback."""
    exit_on_sigterm()
    try:
        yield
    except (KeyboardInterrupt, SystemExit, BrokenPipeError) as error:
        if isinstance(error, BrokenPipeError):
            leave_unread()
        begun = (Path(folder) / "config.yaml").exists()
        how = f"; to go on: {to_copy('genlab', 'resume', Path(folder))}" if begun else ""
        if is_first():  # of several processes one speaks
            print(f"interrupted{how}", file=sys.stderr)
        elif peers() is None:
            sys.exit(0)  # Lightning would kill the first process, which still writes, when another ends with a code
        sys.exit(code_of(error))
    except Exception as error:
        sys.exit(answer(error, wrong=()))


def _remove_if_empty(folder: Path, outputs: Path) -> None:
    """Hydra makes a folder before the values are checked: leave nothing of a run that has not started, or not there."""
    below_outputs = [parent for parent in folder.parents if parent.is_relative_to(outputs)]
    with suppress(OSError):  # it is not empty
        for empty in [folder, *below_outputs]:
            empty.rmdir()


if __name__ == "__main__":
    main()
