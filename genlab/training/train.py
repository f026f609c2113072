"""train(cfg) → metrics: the whole of a run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig
from pydantic import Field, ValidationError
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import OutOfMemoryError
from torch.optim import Optimizer

from genlab.arguments import checked, explain
from genlab.callbacks.bundle import Bundle, is_own
from genlab.callbacks.checkpoints import Checkpoints, batches_in
from genlab.callbacks.interruption import Interruption
from genlab.callbacks.step_axis import batches_seen
from genlab.capabilities import Describes, Reports
from genlab.console.announcement import announce_end, announce_start
from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError, GenlabError, RunError
from genlab.evaluation.settings import EvaluationSettings
from genlab.processes.agreement import connect, meet
from genlab.processes.cluster import check_launch, cluster_environment
from genlab.processes.complaint import is_lost
from genlab.processes.peers import is_first
from genlab.runs.checkpoints import (
    AtomicCheckpointIO,
    check_counters,
    check_optimizers,
    check_weights,
    load_weights,
    read_checkpoint,
)
from genlab.runs.classes import check_config
from genlab.runs.construction import construct
from genlab.runs.lock import check_new, new_folder
from genlab.runs.reading import Run
from genlab.runs.record import RunRecord
from genlab.runs.settings import flat_settings, recorded, save_config
from genlab.runs.times import FILE as TIMES
from genlab.runs.times import read_times
from genlab.training.manual_optimization import check_manual_optimization
from genlab.training.profiling import profiler
from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check
from genlab.training.scoring import evaluate_run, print_evaluation
from genlab.training.trainer import check_val_check_interval


@dataclass
class Experiment:
    """What a config describes, built and not yet run."""

    model: LightningModule
    data: ImageDataModule
    trainer: Trainer
    callbacks: list[Callback]
    checkpoints: Checkpoints
    evaluation: EvaluationSettings | None


@flushed_denormals()
def train(
    cfg: DictConfig,
    resumed: Run | None = None,
    overrides: Sequence[str] = (),
    callbacks: Mapping[str, Callback] | None = None,
) -> dict[str, float]:
    """Train, test the best checkpoint, and leave a run folder; return the final metrics, such as `test/elbo`.

    Nothing is written before every value is checked and the data are read.

    Args:
        cfg: what `conf/` composes, or the config of a run folder.
        resumed: the run that goes on from its last checkpoint, or from the beginning if it has none; whoever has opened
            it holds its lock, because what it was then must be what it is now.
        overrides: what was typed, to be kept beside the config.
        callbacks: others than those of the config, by names that it does not use.

    Raises:
        ConfigError: a value that a constructor refuses.
        DataError: a data file that is missing or damaged, or images that are not those of the resumed run.
        RunError: the checkpoint of the resumed run is damaged, or not this run's; or a run is to begin in a folder
            that has something in it.
        NonFiniteError: training has diverged.
        DiskError: a checkpoint cannot be written.
    """
    connect()
    folder = Path(cfg.run_dir)
    if resumed is None and is_first():
        check_new(folder)
    last = folder / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(last) if resumed and last.exists() else None
    experiment = build(cfg, None if resumed is None else batches_in(checkpoint) + 1, callbacks)
    experiment.data.prepare_data()
    experiment.data.setup("fit")
    experiment.data.check_images(resumed.summary.get("images") if resumed else None)
    trainer, model = experiment.trainer, experiment.model
    assert isinstance(model, Reports)
    check_val_check_interval(trainer, len(experiment.data.train_dataloader()))
    if checkpoint is not None:
        check_weights(model, checkpoint, last)
        check_counters(checkpoint, last)
        model.trainer = trainer  # which a schedule may ask
        check_optimizers(list(_optimizers(model.configure_optimizers())), checkpoint, last)
    headline = model.quantities[0]
    first = trainer.is_global_zero
    with (
        quick_gpu_check(),
        new_folder(folder) if first and resumed is None else nullcontext(),
        RunRecord(
            folder, _identity(cfg, experiment), previous=resumed.summary if resumed else None, write=first
        ) as record,
    ):
        if first:
            save_config(cfg, overrides, folder)
            announce_start(cfg, model, trainer, experiment.data.images, experiment.data.folder)
        meet()
        if checkpoint is None:
            _log_settings(trainer, cfg, f"hp/{headline}")
        with _named(last, checkpoint, trainer):
            trainer.fit(model, datamodule=experiment.data, ckpt_path=last if checkpoint else None, weights_only=True)
        metrics = _final_metrics(trainer) or dict(experiment.checkpoints.metrics)
        times = read_times(folder / TIMES)
        trained = {"training_seconds": times[-1][2] if times else None, "training_images": _images_seen(trainer)}
        costs = {name: seconds for part in experiment.callbacks for name, seconds in getattr(part, "costs", {}).items()}
        chosen = experiment.checkpoints.chosen()
        record.update(metrics=metrics, epochs=trainer.current_epoch, best=chosen, **trained, **costs)
        best = experiment.checkpoints.best_path(trainer)
        if best is not None:
            load_weights(model, best)
        trainer.test(model, datamodule=experiment.data, verbose=False)
        metrics |= _final_metrics(trainer)
        record.update(metrics=metrics, protocol=_protocol([*experiment.callbacks, model], metrics))
        _log_result(trainer, f"hp/{headline}", metrics.get(f"test/{headline}"))
        if first:
            announce_end(cfg, model.unit, metrics, record.seconds(), **costs)
        if first and experiment.evaluation is not None:
            weights = (best or last).name
            evaluation = evaluate_run(folder, model, experiment.data, weights, record.summary, experiment.evaluation)
            print_evaluation(evaluation)
    return metrics


@contextmanager
def _named(path: Path, checkpoint: dict[str, Any] | None, trainer: Trainer) -> Iterator[None]:
    """What fails before a resumed run has trained a batch is the fault of its checkpoint, and is a RunError."""
    try:
        yield
    except (GenlabError, OSError, MemoryError, OutOfMemoryError):
        raise
    except Exception as error:
        done = trainer.fit_loop.epoch_loop.batch_progress.total.completed
        if checkpoint is None or is_lost(error) or (isinstance(done, int) and done > batches_in(checkpoint)):
            raise
        if isinstance(error, MisconfigurationException):
            raise ConfigError(f"trainer: {' '.join(str(error).split())} Give another value") from error
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise RunError(f"{path}: training cannot go on from it ({why}); put another checkpoint in its place") from error


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
    try:
        _check_and_seed(seed=cfg.seed, evaluate=cfg.evaluate)
    except ValidationError as error:
        raise ConfigError(explain(error)) from None
    try:
        check_config(recorded(cfg), trust=None)
    except RunError as error:
        raise ConfigError(str(error)) from None
    evaluation = construct(cfg.evaluation, "evaluation", EvaluationSettings)
    model = _model(cfg)
    data = construct(cfg.data, "data", ImageDataModule)
    loggers = [_logger(node, f"logger.{name}", cfg.run_dir, purge_step) for name, node in (cfg.logger or {}).items()]
    others = {name: construct(node, f"callbacks.{name}", Callback) for name, node in cfg.callbacks.items()}
    checkpoints = others.pop("checkpoints", None)
    if not isinstance(checkpoints, Checkpoints):
        checkpoints = Checkpoints()  # a run that cannot be resumed is no run
    others |= more_callbacks or {}
    callbacks = {name: others.pop(name) for name in list(others) if is_own(others[name])}
    # these two come last, when all others have done what belongs before a checkpoint
    callbacks |= {"checkpoints": checkpoints, "interruption": Interruption(checkpoints)}
    trainer = construct(
        cfg.trainer,
        "trainer",
        Trainer,
        given={
            "default_root_dir": cfg.run_dir,
            "logger": loggers or False,
            "callbacks": [*others.values(), Bundle(callbacks)],
            "enable_checkpointing": cfg.trainer.get("enable_checkpointing") or None,  # the bundle has checkpoints
            "plugins": [AtomicCheckpointIO(), *filter(None, [cluster_environment()])],
            "profiler": profiler(cfg.trainer.get("profiler"), Path(cfg.run_dir)),
        },
    )
    check_launch(trainer)
    check_manual_optimization(model, trainer)
    everything = [*others.values(), *callbacks.values()]
    return Experiment(model, data, trainer, everything, checkpoints, evaluation if cfg.evaluate else None)


@checked
def _check_and_seed(seed: Annotated[int, Field(ge=0, lt=2**32)], evaluate: bool) -> None:
    seed_everything(seed, verbose=False)


def _logger(node: DictConfig, address: str, folder: str, purge_step: int | None) -> Logger:
    """Lightning's write into the run folder too, unless they are given another."""
    offered = {"folder": folder, "purge_step": purge_step, "save_dir": node.get("save_dir") or folder}
    logger: Logger = construct(node, address, Logger, offered)
    return logger


def _model(cfg: DictConfig) -> LightningModule:
    model: LightningModule = construct(cfg.model, "model", LightningModule)
    lacks = [name for name in ("quantities", "unit") if not getattr(model, name, None)]
    if lacks:
        raise ConfigError(
            f"model._target_={cfg.model._target_}: has no {' and no '.join(lacks)}; see Reports in genlab.capabilities"
        )
    return model


def _optimizers(configured: Any) -> Iterator[Optimizer]:
    """In what `configure_optimizers` returns, which Lightning lets take many forms."""
    if isinstance(configured, Optimizer):
        yield configured
    elif isinstance(configured, dict):
        yield from _optimizers(configured.get("optimizer"))
    elif isinstance(configured, (list, tuple)):
        for item in configured:
            yield from _optimizers(item)


def _identity(cfg: DictConfig, experiment: Experiment) -> dict[str, Any]:
    assert isinstance(experiment.model, Reports)
    name = cfg.model._target_.rsplit(".", 1)[-1]
    model = experiment.model
    used = {"headline": model.quantities[0], "precision": experiment.trainer.precision}
    own = {"quantities": [asdict(quantity) for quantity in model.described]} if isinstance(model, Describes) else {}
    return {
        **{"model": name, "data": cfg.data.name, "images": experiment.data.images, "seed": cfg.seed},
        **used,
        **own,
    }


def _images_seen(trainer: Trainer) -> int:
    """Training images, all epochs and processes together; the last batch of an epoch may be smaller than the others."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    share, an_epoch = math.ceil(len(data.train_set) / trainer.world_size), max(1, int(trainer.num_training_batches))
    epochs, batches = divmod(batches_seen(trainer), an_epoch)
    images = epochs * min(an_epoch * data.batch_size, share) + min(batches * data.batch_size, share)
    return images * trainer.world_size


def _final_metrics(trainer: Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}


def _protocol(sources: Sequence[Any], metrics: dict[str, float]) -> dict[str, str]:
    """How each number of validation and test is measured, in the words of its source; of two, the last counts."""
    words = {name: text for source in sources for name, text in getattr(source, "protocol", {}).items()}
    measured = {tag: tag.split("/", 1) for tag in metrics}
    return {tag: words[name] for tag, (split, name) in measured.items() if split != "train" and name in words}


def _log_settings(trainer: Trainer, cfg: DictConfig, metric: str) -> None:
    """The HParams tab must hear of its metric before training, and of the value after."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(flat_settings(cfg), {metric: float("nan")})


def _log_result(trainer: Trainer, metric: str, value: float | None) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger) and value is not None:
            logger.log_metrics({metric: value}, step=batches_seen(trainer))
            logger.save()
