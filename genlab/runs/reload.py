"""A trained model and its data, from its run folder alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule

from genlab.data.datamodule import ImageDataModule
from genlab.errors import RunError
from genlab.evaluation.settings import EvaluationSettings
from genlab.runs.checkpoints import load_weights
from genlab.runs.classes import MODEL_SECTIONS, classes_named_in
from genlab.runs.construction import construct
from genlab.runs.reading import CheckpointName, Run, check_root, open_run


def load(
    folder: str | Path,
    device: str | torch.device = "cpu",
    checkpoint: CheckpointName | None = None,
    trust: Sequence[str] = (),
    config_dir: str | Path | None = None,
) -> LightningModule:
    """The model of a run in evaluation mode, with the weights of `best.ckpt`, or of `last.ckpt` where there is no best.

    A folder from a stranger is safe to load: see `genlab.runs.trust`.

    Args:
        folder: of the run or of an export, or `pretrained:NAME`.
        device: for the model.
        checkpoint: `"best"` or `"last"`.
        trust: packages whose classes the config may name besides those of genlab, as `("my_models",)`.
        config_dir: folder of configs of your own, whose classes it may name too.

    Raises:
        RunError: the folder, its config or its checkpoint is damaged, missing, or not to be trusted.
    """
    own = classes_named_in(Path(config_dir).expanduser()) if config_dir is not None else ()
    return load_model(open_run(folder, MODEL_SECTIONS, (*trust, *own)), device, checkpoint)


def load_model(
    run: Run, device: str | torch.device = "cpu", checkpoint: CheckpointName | None = None
) -> LightningModule:
    """See `load`."""
    path = run.checkpoint(checkpoint)
    model: LightningModule = _construct(run, "model", LightningModule)
    load_weights(model, path)
    try:
        torch.zeros((), device=device).item()  # a device without memory, as meta, would take the model all the same
        return model.to(device).eval()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise RunError(f"device {device}: {str(error).splitlines()[0].rstrip('.')}; use cpu") from None


def load_data(run: Run) -> ImageDataModule:
    """The data module of a run, set up: its `train_set`, `val_set` and `test_set` have the images.

    DataError if a file of the data is missing or damaged, or the images are others than those of the run.
    """
    check_root(run)
    data: ImageDataModule = _construct(run, "data", ImageDataModule)
    data.prepare_data()
    data.setup("test")
    data.check_images(run.summary.get("images"))
    return data


def load_settings(run: Run) -> EvaluationSettings:
    """What the config of a run says of evaluation."""
    settings: EvaluationSettings = _construct(run, "evaluation", EvaluationSettings)
    return settings


def _construct(run: Run, section: str, base: type) -> Any:
    try:
        return construct(run.config[section], section, base)
    except Exception as error:  # whatever a wrong value leads to, the config is what is wrong
        raise RunError(f"{run.folder / 'config.yaml'}: {error}") from None
