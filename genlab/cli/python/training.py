"""A run, trained from Python as the command line trains it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from genlab.cli.overrides import composed, typed
from genlab.cli.python.isolation import untouched
from genlab.cli.python.run import Run, load_run
from genlab.console.program import keep_quiet, mendable
from genlab.errors import ConfigError, GenlabError
from genlab.processes.peers import check_one_device
from genlab.processes.signals import TERMINATED, code_of
from genlab.training.train import train as train_config


def train(*overrides: str, config_dir: str | Path | None = None) -> Run:
    """Train a run as `python train.py` does, and return it.

    The process is left as it was: seeds, signals, logging, warnings, environment and Hydra.

    Args:
        overrides: as on the command line: `"model=vae"`, `"trainer.max_epochs=3"`.
        config_dir: folder of configs of your own, as of `--config-dir`; the classes that they name are trusted.

    Raises:
        GenlabError: what the command line would answer, with the same line.
        KeyboardInterrupt: the run was interrupted; `genlab resume` goes on with it.
    """
    with untouched(), _answered():
        keep_quiet()
        cfg = copy_context().run(_composed, overrides, config_dir)
        train_config(cfg, overrides=typed(list(overrides)))
    classes = [str(cfg[section]._target_) for section in ("model", "data")]
    return load_run(cfg.run_dir, trust=classes)


def _composed(overrides: Sequence[str], users: str | Path | None) -> DictConfig:
    """The config of one run in this process, whose folder Hydra would choose."""
    for text in overrides:
        if not isinstance(text, str) or text.startswith("-"):
            raise ConfigError(f"{text}: not of the form KEY=VALUE, for example model=vae or trainer.max_epochs=3")
    cfg = composed(overrides, users)
    HydraConfig.instance().set_config(cfg)
    if OmegaConf.is_interpolation(cfg, "run_dir"):
        cfg.run_dir = cfg.hydra.run.dir
    with open_dict(cfg):
        del cfg["hydra"]
    OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    check_one_device(cfg.trainer, "a run in Python has one process; use python train.py")
    return cfg


@contextmanager
def _answered() -> Iterator[None]:
    """Errors as exceptions with the lines of the command line; Lightning and `Interruption` would end the process."""
    try:
        yield
    except GenlabError:
        raise
    except SystemExit as error:
        if code_of(error) == TERMINATED:
            raise
        raise KeyboardInterrupt from None
    except Exception as error:
        text = mendable(error)
        if text is None:
            raise
        wrong = isinstance(error, (HydraException, OmegaConfBaseException))
        raise (ConfigError if wrong else GenlabError)(text) from error
