"""A config → model, data, callbacks and trainer, seeded and checked, and not yet run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pydantic import Field, ValidationError
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from genlab.arguments import checked, explain
from genlab.callbacks.bundle import Bundle
from genlab.callbacks.checkpoints import Checkpoints
from genlab.callbacks.interruption import Interruption
from genlab.callbacks.step_axis import Measured
from genlab.capabilities import Reports
from genlab.console.readable import allowed
from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError, GenlabError
from genlab.evaluation.settings import EvaluationSettings
from genlab.processes.cluster import check_launch, cluster_environment
from genlab.runs.checkpoints import AtomicCheckpointIO
from genlab.training.profiling import profiler
from genlab.training.trainer import check_manual_optimization


@dataclass
class Experiment:
    """What a config describes, built and not yet run."""

    model: LightningModule
    data: ImageDataModule
    trainer: Trainer
    callbacks: list[Callback]
    checkpoints: Checkpoints
    evaluation: EvaluationSettings | None


def build(
    cfg: DictConfig, purge_step: int | None = None, more_callbacks: Mapping[str, Callback] | None = None
) -> Experiment:
    """Seed, then construct everything that the config names.

    Args:
        cfg: see `train`.
        purge_step: of a resumed run: the loggers forget what they have of this step and later ones.
        more_callbacks: see `train`.

    Raises:
        ConfigError: a value that a constructor refuses, under its address, such as `model.latent_dim=0`.
    """
    _check_sizes(cfg)
    try:
        _check_and_seed(seed=cfg.seed, evaluate=cfg.evaluate)
    except ValidationError as error:
        raise ConfigError(explain(error)) from None
    evaluation = _construct(cfg, "evaluation")
    model = _construct(cfg, "model")
    data = _construct(cfg, "data")
    loggers: list[Logger] = [
        _construct(cfg.logger, name, "logger", folder=cfg.run_dir, purge_step=purge_step) for name in cfg.logger or {}
    ]
    callbacks: dict[str, Callback] = {name: _construct(cfg.callbacks, name, "callbacks") for name in cfg.callbacks}
    checkpoints = callbacks.pop("checkpoints", None)
    if not isinstance(checkpoints, Checkpoints):
        checkpoints = Checkpoints()  # a run that cannot be resumed is no run
    callbacks |= more_callbacks or {}
    _check_monitor(checkpoints.monitor, model, list(callbacks.values()))
    # these two come last, when all others have done what belongs before a checkpoint
    callbacks |= {"checkpoints": checkpoints, "interruption": Interruption(checkpoints)}
    trainer = _construct(
        cfg,
        "trainer",
        default_root_dir=cfg.run_dir,
        logger=loggers or False,
        callbacks=[Measured(), Bundle(callbacks)],
        plugins=[AtomicCheckpointIO(), *filter(None, [cluster_environment()])],
        profiler=profiler(cfg.trainer.get("profiler"), Path(cfg.run_dir)),
    )
    check_launch(trainer)
    check_manual_optimization(model, trainer)
    return Experiment(model, data, trainer, list(callbacks.values()), checkpoints, evaluation if cfg.evaluate else None)


def _check_sizes(value: Any, address: str = "") -> None:
    if isinstance(value, DictConfig):
        for name in map(str, value):
            if not OmegaConf.is_missing(value, name):
                _check_sizes(value[name], f"{address}.{name}" if address else name)
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ConfigError(f"{address}={value}: too large a number; use one with fewer digits")


def _check_monitor(monitor: str | None, model: LightningModule, callbacks: list[Callback]) -> None:
    """What genlab's own classes measure is known before; a user's class may log anything."""
    own = all(type(part).__module__.split(".")[0] == "genlab" for part in (model, *callbacks))
    quantities = model.quantities if isinstance(model, Reports) else ()
    names = [name for part in callbacks for name in getattr(part, "protocol", {})]
    known = [f"{split}/{name}" for split in ("train", "val") for name in (*quantities, *names)]
    if monitor is not None and own and monitor not in known:
        raise ConfigError(f"callbacks.checkpoints.monitor={monitor}: nothing measures it; {allowed(monitor, known)}")


@checked
def _check_and_seed(seed: Annotated[int, Field(ge=0, lt=2**32)], evaluate: bool) -> None:
    seed_everything(seed, verbose=False)


def _construct(node: DictConfig, name: str, prefix: str = "", **more: Any) -> Any:
    address = f"{prefix}.{name}" if prefix else name
    try:
        return instantiate(node[name], _convert_="all", **more)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            raise ConfigError(explain(cause, address)) from None
        if isinstance(cause, (GenlabError, OSError)):
            raise cause from None
        if isinstance(cause, (ValueError, TypeError, MisconfigurationException)):
            what = str(cause).partition("Exception raised from")[0]  # torch puts its stack behind that
            raise ConfigError(f"{address}: {' '.join(what.split())}") from None
        if cause is None or isinstance(cause, ImportError):
            target = node[name].get("_target_")
            raise ConfigError(f"{address}._target_={target}: no class that may be built; leave it as it is") from None
        if isinstance(cause, (RuntimeError, MemoryError, OverflowError)):  # of torch, for a size
            raise ConfigError(f"{address}: {str(cause).splitlines()[0][:200]}; choose smaller numbers") from None
        raise
