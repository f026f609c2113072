"""train(cfg) → metrics: the whole of a run."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import OutOfMemoryError

from genlab.callbacks.checkpoints import batches_in
from genlab.callbacks.step_axis import all_metrics, batches_seen, older_metrics, progress
from genlab.capabilities import Describes, LearnsFromFewLabels, Reports, draws_labels, parameters_of, units_of
from genlab.console.announcement import announce_end, announce_start
from genlab.errors import ConfigError, GenlabError, RunError
from genlab.loggers.broadcast import log_evaluation, log_results, log_settings, open_until_the_end, views
from genlab.processes.agreement import connect, is_lost, meet
from genlab.processes.peers import is_first
from genlab.runs.atomic import write_text
from genlab.runs.checkpoints import check_counters, check_optimizers, check_weights, load_weights, read_checkpoint
from genlab.runs.lock import check_new, new_folder
from genlab.runs.reading import Run
from genlab.runs.record import RunRecord, flat_settings, save_config
from genlab.training.experiment import Experiment, build
from genlab.training.quick_cpu import flushed_denormals, quick_gpu_check
from genlab.training.scoring import evaluate_run, print_evaluation
from genlab.training.trainer import check_limits


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
    _prepare(experiment, resumed, checkpoint, last)
    model, trainer = experiment.model, experiment.trainer
    assert isinstance(model, Reports)
    first, previous = trainer.is_global_zero, resumed.summary if resumed else None
    with (
        quick_gpu_check(),
        new_folder(folder) if first and resumed is None else nullcontext(),
        RunRecord(folder, _identity(cfg, experiment, model.quantities[0]), previous=previous, write=first) as record,
        open_until_the_end(trainer.loggers),
    ):
        _begin(cfg, overrides, experiment)
        log_settings(trainer.loggers, folder, flat_settings(cfg), model.quantities[0], checkpoint is None)
        with _named(last, checkpoint, trainer):
            path = last if checkpoint else None
            trainer.fit(model, datamodule=experiment.data, ckpt_path=path, weights_only=True)
        metrics = _record_training(cfg, experiment, record)
        best = experiment.checkpoints.best_path(trainer)
        if best is not None:
            load_weights(model, best)
        metrics |= _test(experiment, record, metrics)
        if first:
            announce_end(cfg, units_of(model), metrics, record.summary, views(trainer.loggers))
        if first and experiment.evaluation is not None:
            model.to(trainer.strategy.root_device)  # the test has left it on the CPU
            weights, settings = (best or last).name, experiment.evaluation
            evaluation = evaluate_run(folder, model, experiment.data, weights, record.summary, settings)
            print_evaluation(evaluation)
            log_evaluation(trainer.loggers, evaluation, batches_seen(trainer))
    return metrics


def _prepare(experiment: Experiment, resumed: Run | None, checkpoint: dict[str, Any] | None, last: Path) -> None:
    """Read the data, and check what can be checked before anything is written."""
    model, trainer = experiment.model, experiment.trainer
    experiment.data.prepare_data()
    experiment.data.setup("fit")
    experiment.data.check_images(resumed.summary.get("images") if resumed else None)
    check_limits(trainer, experiment.data)
    if isinstance(model, LearnsFromFewLabels) and model.labels is not None:
        model.learn_from(*experiment.data.hide_labels(but=model.labels))
    if draws_labels(model):
        model.label_prior.copy_(experiment.data.label_shares)
    if checkpoint is not None:
        check_weights(model, checkpoint, last)
        check_counters(checkpoint, last)
        model.trainer = trainer  # which a schedule may ask
        trainer.strategy.connect(model)
        trainer.strategy.setup_optimizers(trainer)
        check_optimizers(trainer.strategy.optimizers, checkpoint, last)


def _begin(cfg: DictConfig, overrides: Sequence[str], experiment: Experiment) -> None:
    """Say what is trained, in files and on the console, and wait for the other processes."""
    if experiment.trainer.is_global_zero:
        save_config(cfg, overrides, Path(cfg.run_dir))
        if experiment.data.members is not None:
            split = {"classes": experiment.data.classes, **experiment.data.members}
            write_text(Path(cfg.run_dir) / "split.json", json.dumps(split) + "\n")
        announce_start(cfg, experiment.model, experiment.trainer, experiment.data.images, experiment.data.place)
    meet()


def _record_training(cfg: DictConfig, experiment: Experiment, record: RunRecord) -> dict[str, float]:
    """Write down what training has reached, what has ended it and what it has cost; return its metrics."""
    trainer = experiment.trainer
    metrics, reached = all_metrics(trainer), progress(trainer, cfg.trainer)
    costs = {"training_seconds": None, "training_images": _images_seen(trainer)}
    costs |= {name: cost for part in experiment.callbacks for name, cost in getattr(part, "costs", {}).items()}
    record.update(metrics=metrics, best=experiment.checkpoints.chosen(), **reached, **costs)
    if trainer.is_global_zero and not reached["stopped"].startswith("trainer.max_epochs="):
        print(f"stopped      by {reached['stopped']}, in epoch {reached['epochs']}", flush=True)
    return metrics


def _test(experiment: Experiment, record: RunRecord, metrics: dict[str, float]) -> dict[str, float]:
    """Measure on the test images, and write down all metrics with their protocol; return those of the test."""
    trainer, model = experiment.trainer, experiment.model
    sources = [*experiment.callbacks, model]
    protocol, estimators = (_words(name, sources, metrics) for name in ("protocol", "estimators"))
    for name, step in older_metrics(trainer).items():
        protocol[name] = f"{protocol[name]}; " if name in protocol else ""
        protocol[name] += f"measured after {step} of {batches_seen(trainer)} batches"
    trainer.test(model, datamodule=experiment.data, verbose=False)
    tested = all_metrics(trainer)
    record.update(
        metrics=metrics | tested,
        protocol=protocol | _words("protocol", sources, tested),
        estimators=estimators | _words("estimators", sources, tested),
    )
    log_results(trainer.loggers, metrics | tested)
    return tested


@contextmanager
def _named(path: Path, checkpoint: dict[str, Any] | None, trainer: Trainer) -> Iterator[None]:
    """What fails before a resumed run has trained a batch is the fault of its checkpoint, and is a RunError.

    What Lightning refuses is a ConfigError.
    """
    try:
        yield
    except (GenlabError, OSError, MemoryError, OutOfMemoryError):
        raise
    except MisconfigurationException as error:  # of a callback that the trainer does not suit
        raise ConfigError(f"trainer: {' '.join(str(error).split())} Give another value") from error
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and not error.name:  # Lightning's, with the command of pip
            raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error
        done = trainer.fit_loop.epoch_loop.batch_progress.total.completed
        trained = isinstance(done, int) and done > batches_in(checkpoint)
        if checkpoint is None or trained or is_lost(error) or isinstance(error, ModuleNotFoundError):
            raise
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise RunError(f"{path}: training cannot go on from it ({why}); put another checkpoint in its place") from error


def _identity(cfg: DictConfig, experiment: Experiment, headline: str) -> dict[str, Any]:
    model = experiment.model
    identity = {
        "model": cfg.model._target_.rsplit(".", 1)[-1],
        "parameters": parameters_of(model),
        "data": cfg.data.name,
        "images": experiment.data.images,
        "seed": cfg.seed,
        "headline": headline,
        "precision": experiment.trainer.precision,
    }
    own = [asdict(quantity) for quantity in model.described] if isinstance(model, Describes) else []
    return identity | ({"quantities": own} if own else {})


def _images_seen(trainer: Trainer) -> int:
    """Training images, all epochs and processes together; the last batch of an epoch may be smaller than the others."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    share, an_epoch = math.ceil(len(data.train_set) / trainer.world_size), max(1, int(trainer.num_training_batches))
    epochs, batches = divmod(batches_seen(trainer), an_epoch)
    images = epochs * min(an_epoch * data.batch_size, share) + min(batches * data.batch_size, share)
    return images * trainer.world_size


def _words(kind: str, sources: Sequence[Any], metrics: dict[str, float]) -> dict[str, str]:
    """The `protocol` or `estimators` of each number of validation and test, by its source; of two, the last counts."""
    words = {name: text for source in sources for name, text in getattr(source, kind, {}).items()}
    measured = {tag: tag.split("/", 1) for tag in metrics}
    return {tag: words[name] for tag, (split, name) in measured.items() if split != "train" and name in words}
