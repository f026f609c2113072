"""Sample quality during training."""

import logging
import time
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeInt
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import undisturbed
from genlab.callbacks.step_axis import measured_once
from genlab.capabilities import CanSample
from genlab.evaluation.feature_network import feature_network
from genlab.evaluation.frechet import FrechetDistance
from genlab.evaluation.sample_scores import draw
from genlab.processes.peers import is_first

log = logging.getLogger(__name__)


@configured
class SampleQuality(Callback):
    """Logs `val/fid_mnist`: the Fréchet distance of samples to the validation images, in a classifier's features.

    Skips models that draw no samples, and data other than MNIST. The noise is the same each time, and the value is a
    function of the weights alone; it disturbs nothing.

    Args:
        every_n_epochs: epochs between two values; 0 is never.
        n: how many samples. Values with another n do not compare: few samples look farther away.
        seed: of the noise.
    """

    every_n_epochs: NonNegativeInt = 0
    n: Annotated[int, Field(ge=2)] = 2000
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        self.seconds = 0.0  # spent here by this process
        self._distance: FrechetDistance | None = None

    @property
    def protocol(self) -> dict[str, str]:
        """How the number is measured."""
        return {
            "fid_mnist": f"{self.n} samples against the validation images, features of the MNIST classifier; not "
            "comparable with the value of genlab evaluate"
        }

    @property
    def costs(self) -> dict[str, float]:
        """Seconds of this process that went into it, for the summary."""
        # not in the checkpoint, which is to be a function of the seed
        return {"sample_quality_seconds": round(self.seconds, 3)} if self.seconds else {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if self.every_n_epochs and isinstance(pl_module, CanSample) and data.source != "mnist" and is_first():
            log.warning(f"no val/fid_mnist: the feature network knows the digits of MNIST, not {data.source}")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not self._is_due(trainer) or not isinstance(pl_module, CanSample) or data.source != "mnist":
            return
        started = time.perf_counter()
        with undisturbed(pl_module):
            distance = measured_once(trainer, lambda: self._measure(data.val_set.images, pl_module))
        self.seconds += time.perf_counter() - started
        pl_module.log("val/fid_mnist", distance)

    def _measure(self, images: Tensor, model: CanSample) -> float:
        network = feature_network()
        if self._distance is None:
            self._distance = FrechetDistance(network.describe(images).features)
        samples, _ = draw(model.sample, self.n, torch.Generator().manual_seed(self.seed))
        self._distance.update(network.describe(samples).features)
        return self._distance.compute()

    def _is_due(self, trainer: Trainer) -> bool:
        every_n = self.every_n_epochs
        return every_n > 0 and not trainer.sanity_checking and (trainer.current_epoch + 1) % every_n == 0
