"""A config → model, data, callbacks and trainer, seeded and checked, and not yet run."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from omegaconf import DictConfig, OmegaConf, open_dict
from pydantic import Field, ValidationError
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import Logger

from genlab.arguments import checked, explain
from genlab.callbacks.bundle import Bundle, is_own
from genlab.callbacks.checkpoints import Checkpoints
from genlab.callbacks.interruption import Interruption
from genlab.callbacks.sample_quality import SampleQuality
from genlab.callbacks.step_axis import Measured
from genlab.capabilities import Reports, quantity_of
from genlab.console.readable import allowed
from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError, RunError
from genlab.evaluation.sampling import own_sampler
from genlab.evaluation.settings import EvaluationSettings
from genlab.processes.cluster import check_launch, cluster_environment
from genlab.quantities import is_sample_score
from genlab.runs.checkpoints import AtomicCheckpointIO
from genlab.runs.classes import check_config
from genlab.runs.construction import construct, located
from genlab.runs.record import recorded
from genlab.training.promises import check_promises
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
        cfg, more_callbacks: see `train`.
        purge_step: of a resumed run: the loggers forget what they have of this step and later ones.

    Raises:
        ConfigError: a value that a constructor refuses, under its address, such as `model.latent_dim=0`.
        DataError: images whose shape is known only when they are read cannot be read.
    """
    try:
        _check_and_seed(seed=cfg.seed, evaluate=cfg.evaluate)
    except ValidationError as error:
        raise ConfigError(explain(error)) from None
    with open_dict(cfg.callbacks):
        for name in [name for name, node in cfg.callbacks.items() if "_target_" not in node]:
            del cfg.callbacks[name]  # a model or an experiment sets it, and the option, as `callbacks=search`, has none
    try:
        check_config(recorded(cfg), trust=None)
    except RunError as error:
        raise ConfigError(str(error)) from None
    evaluation = construct(cfg.evaluation, "evaluation", EvaluationSettings)
    data = construct(cfg.data, "data", ImageDataModule)
    _fit_to_images(cfg, data)
    model: LightningModule = construct(cfg.model, "model", LightningModule)
    check_promises(model, cfg.model._target_, data.image_shape)
    own_sampler(model, evaluation)  # a wrong option is answered now, and not after training
    offered = {"folder": cfg.run_dir, "purge_step": purge_step}
    loggers = [  # Lightning's write into the run folder too, unless they are given another
        construct(node, f"logger.{name}", Logger, offered | {"save_dir": node.get("save_dir") or cfg.run_dir})
        for name, node in (cfg.logger or {}).items()
    ]
    others = {name: construct(node, f"callbacks.{name}", Callback) for name, node in cfg.callbacks.items()}
    checkpoints = others.pop("checkpoints", None)
    if not isinstance(checkpoints, Checkpoints):
        checkpoints = Checkpoints()  # a run that cannot be resumed is no run
    others |= more_callbacks or {}
    callbacks = {name: others.pop(name) for name in list(others) if is_own(others[name])}
    # these two come last, when all others have done what belongs before a checkpoint
    callbacks |= {"checkpoints": checkpoints, "interruption": Interruption(checkpoints)}
    everything = [*others.values(), *callbacks.values()]
    trainer = construct(
        cfg.trainer,
        "trainer",
        Trainer,
        given={
            "default_root_dir": cfg.run_dir,
            "logger": loggers or False,
            "callbacks": [Measured(), *others.values(), Bundle(callbacks)],
            "enable_checkpointing": cfg.trainer.get("enable_checkpointing") or None,  # the bundle has checkpoints
            "plugins": [AtomicCheckpointIO(), *filter(None, [cluster_environment()])],
        },
    )
    check_launch(trainer)
    check_manual_optimization(model, trainer)
    experiment = Experiment(model, data, trainer, everything, checkpoints, evaluation if cfg.evaluate else None)
    _settle_monitor(cfg, experiment, resumed=purge_step is not None)
    return experiment


def _settle_monitor(cfg: DictConfig, experiment: Experiment, resumed: bool) -> None:
    """Which metric chooses the best epoch, and which way is better.

    What genlab's own classes measure is known before; a user's class may log anything.
    """
    model, callbacks, checkpoints = experiment.model, experiment.callbacks, experiment.checkpoints
    fid = f"val/fid_{experiment.data.space}"
    # an older genlab called it val/fid_mnist for all data, and measured it for MNIST only
    if checkpoints.monitor == "val/fid" or (resumed and checkpoints.monitor == "val/fid_mnist"):
        checkpoints.monitor = cfg.callbacks.checkpoints.monitor = fid
    monitor, address = checkpoints.monitor, "callbacks.checkpoints.monitor"
    if monitor is None:
        return
    if all(type(part).__module__.split(".")[0] == "genlab" for part in (model, *callbacks)):
        quantities = model.quantities if isinstance(model, Reports) else ()
        scores = [fid] if any(isinstance(part, SampleQuality) for part in callbacks) else []
        known = [*(f"{split}/{name}" for split in ("train", "val") for name in quantities), *scores]
        if monitor not in known:
            other_space = scores and is_sample_score(monitor.removeprefix("val/"))
            meant = f"did you mean {fid}?" if other_space else allowed(monitor, known)
            raise ConfigError(f"{address}={monitor}: nothing measures it; {meant}")
    if checkpoints.mode is None:
        better = quantity_of(model, monitor).better
        if better is None:
            raise ConfigError(
                f"{address}={monitor}: nothing says which way is better; give callbacks.checkpoints.mode=min or max"
            )
        checkpoints.mode = "max" if better == "higher" else "min"
        OmegaConf.update(cfg, "callbacks.checkpoints.mode", checkpoints.mode, force_add=True)


@checked
def _check_and_seed(seed: Annotated[int, Field(ge=0, lt=2**32)], evaluate: bool) -> None:
    seed_everything(seed, verbose=False)


def _fit_to_images(cfg: DictConfig, data: ImageDataModule) -> None:
    """Write what the data decide into the model's section, if its constructor takes it: a run folder is whole then."""
    takes = inspect.signature(located(cfg.model._target_, "model")).parameters
    for name in [name for name in ("num_classes", "image_shape") if name in takes]:
        value = data.num_classes if name == "num_classes" else list(data.image_shape)
        given = cfg.model.get(name)
        fewer = isinstance(given, int) and isinstance(value, int) and given < value
        if given is None:
            OmegaConf.update(cfg, f"model.{name}", value, force_add=True)
        elif fewer or (OmegaConf.is_list(given) and list(given) != value):
            raise ConfigError(f"model.{name}={given}: the images of data={data.source} have {value}; leave it out")
