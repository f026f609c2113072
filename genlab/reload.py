"""A trained model, from its run folder alone."""

from pathlib import Path

import torch
from hydra.utils import instantiate
from pydantic import ValidationError
from pytorch_lightning import LightningModule

from genlab.arguments import explain
from genlab.errors import RunError
from genlab.runs.checkpoints import load_weights
from genlab.runs.reading import CheckpointName, Run, open_run


def load(
    folder: str | Path, device: str | torch.device = "cpu", checkpoint: CheckpointName | None = None
) -> LightningModule:
    """The model of a run in evaluation mode, with the weights of `best.ckpt`, or of `last.ckpt` where there is no best.

    A folder from a stranger is safe to load: see `genlab.runs.trust`.

    Raises:
        RunError: the folder, its config or its checkpoint is damaged, missing, or not to be trusted.
    """
    return load_model(open_run(folder), device, checkpoint)


def load_model(
    run: Run, device: str | torch.device = "cpu", checkpoint: CheckpointName | None = None
) -> LightningModule:
    """See `load`."""
    path = run.checkpoint(checkpoint)
    try:
        model: LightningModule = instantiate(run.config.model, _convert_="all")
    except Exception as error:  # whatever a wrong value leads to, the config is what is wrong
        cause = error.__cause__
        why = explain(cause, "model") if isinstance(cause, ValidationError) else " ".join(str(error).split())
        raise RunError(f"{run.folder / 'config.yaml'}: {why}") from None
    load_weights(model, path)
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"device {device}: {str(error).splitlines()[0]}") from None
