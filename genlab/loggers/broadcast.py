"""What a run tells its loggers beside the numbers that Lightning passes on; each takes what it can."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from genlab.console.readable import to_copy
from genlab.runs.identity import short_names
from genlab.runs.record import status_after

Loggers = Sequence[Logger]
FIRST = ("seed", "latent_dim", "learning_rate", "generator_learning_rate", "batch_size", "max_epochs")
GLANCE = "at a glance"  # TensorBoard orders groups of tags by name, and opens the first two


@rank_zero_only
def log_picture(loggers: Loggers, tag: str, picture: Tensor, step: int) -> None:
    """Hand a picture, (C, H, W) in [0, 1], to each logger that takes pictures."""
    image = to_pil_image(picture.mul(255).round().clamp(0, 255).to("cpu", torch.uint8))
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            place = f"{GLANCE}/{tag}" if tag == "samples" else tag
            getattr(logger, "pictures", logger.experiment).add_image(place, picture, step)
        elif isinstance(logger, WandbLogger):
            logger.log_image(tag, [image], step)
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_image(str(logger.run_id), image, key=tag, step=step)


@rank_zero_only
def log_text(loggers: Loggers, tag: str, text: str, step: int) -> None:
    """Hand a sentence to each logger that takes text."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text(tag, text, step)
        elif isinstance(logger, WandbLogger):
            logger.experiment.summary[tag] = text
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.set_tag(str(logger.run_id), tag, text)


@rank_zero_only
def log_settings(loggers: Loggers, folder: Path, settings: dict[str, Any], headline: str, new: bool) -> None:
    """Hand over flat settings before training, and to TensorBoard what its first screen, HParams and Text are to show.

    The headline is the model's first quantity, as `elbo`. A resumed run is not new: its settings are known.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.headline = headline  # type: ignore[attr-defined]
        if new and isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(settings, {f"test/{headline}": float("nan")})
            logger.experiment.add_text("description", _description(folder, settings))
        elif new:
            logger.log_hyperparams(settings)


def _description(folder: Path, settings: Mapping[str, Any]) -> str:
    """A title, the settings that a reader asks for first, all others, and how to load, evaluate and resume the run."""
    names = short_names(list(settings))
    words = ", ".join(f"{names[address]} {value}" for address, value in settings.items() if names[address] in FIRST)
    table = "\n".join(f"| {address} | {value} |" for address, value in settings.items())
    commands = "\n".join(f"    {to_copy('genlab', verb, folder)}" for verb in ("sample", "evaluate", "resume"))
    return f"""### {settings["model"]} on {settings.get("data.name", "data")}: {words}

Load it in Python:

    import genlab
    run = genlab.load_run({str(folder.absolute())!r})
    run.model, run.metrics, run.history()

In a terminal:

{commands}

| setting | value |
|---|---|
{table}
"""


@rank_zero_only
def log_results(loggers: Loggers, metrics: Mapping[str, float]) -> None:
    """Hand over the final metrics, where a logger does not take the last value of each for that anyway."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.summary.update(dict(metrics))


@rank_zero_only
def log_evaluation(loggers: Loggers, evaluation: Mapping[str, Any], step: int) -> None:
    """Hand over the scores of an evaluation, as `evaluation/fid_mnist`."""
    scores = {f"evaluation/{name}": float(score["value"]) for name, score in evaluation["scores"].items()}
    for logger in loggers:
        logger.log_metrics(scores, step)
        logger.save()


def views(loggers: Loggers) -> list[tuple[str, str]]:
    """(name, command or address) of each logger that can be looked at."""
    found = (getattr(logger, "view", None) for logger in loggers)
    return [view for view in found if isinstance(view, tuple)]  # the logger of a dry run has every attribute


@contextmanager
def open_until_the_end(loggers: Loggers) -> Iterator[None]:
    """End the runs that loggers keep open elsewhere when the block ends, and tell them how it did.

    Lightning tells them after training and again after the test; what comes behind that belongs to the run too.
    """
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        status = status_after(error)
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                import wandb

                if wandb.run is not None:  # else it could not begin
                    wandb.finish(exit_code=0 if status == "finished" else 1)
            elif isinstance(logger, MLFlowLogger):
                logger.finalize({"finished": "FINISHED", "interrupted": "KILLED"}.get(status, "FAILED"))
