"""What a run tells its loggers beside the numbers that Lightning passes on; each takes what it can."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from genlab.runs.record import status_after

Loggers = Sequence[Logger]


@rank_zero_only
def log_picture(loggers: Loggers, tag: str, picture: Tensor, step: int) -> None:
    """Hand a picture, (C, H, W) in [0, 1], to each logger that takes pictures."""
    image = to_pil_image(picture.mul(255).round().clamp(0, 255).to("cpu", torch.uint8))
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            getattr(logger, "pictures", logger.experiment).add_image(tag, picture, step)
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
def log_settings(loggers: Loggers, settings: dict[str, Any], headline: str) -> None:
    """Hand over flat settings before training; TensorBoard's HParams tab must hear of its metric now, too."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(settings, {f"hp/{headline}": float("nan")})
        else:
            logger.log_hyperparams(settings)


@rank_zero_only
def log_results(loggers: Loggers, metrics: Mapping[str, float], headline: str, step: int) -> None:
    """Hand over the final metrics, where a logger does not take the last value of each for that anyway."""
    value = metrics.get(f"test/{headline}")
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger) and value is not None:
            logger.log_metrics({f"hp/{headline}": value}, step=step)
            logger.save()
        elif isinstance(logger, WandbLogger):
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
