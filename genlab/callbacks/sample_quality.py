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
from genlab.evaluation.feature_network import FeatureNetwork, Space, space_of
from genlab.evaluation.frechet import frechet_distance
from genlab.evaluation.sample_scores import draw
from genlab.processes.peers import is_first

log = logging.getLogger(__name__)


@configured
class SampleQuality(Callback):
    """Logs `val/fid_SPACE`: the Fréchet distance of samples to the validation images, in a feature network's space.

    Skips models that draw no samples, and data that have no feature network yet. The noise is the same each time, and
    the value is a function of the weights alone; it disturbs nothing.

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
        self._space: Space | None = None
        self._real: Tensor | None = None  # features of the validation images

    @property
    def protocol(self) -> dict[str, str]:
        """How the number is measured; empty before that."""
        if self._space is None or self._space.network is None:
            return {}
        network = self._space.network
        which = "" if self._space.name == "mnist" else f" {network.sha256[:12]}"
        return {
            f"fid_{self._space.name}": f"{self.n} samples against the validation images, features of the "
            f"{network.title}{which}; not comparable with the value of genlab evaluate"
        }

    @property
    def costs(self) -> dict[str, float]:
        """Seconds of this process that went into it, for the summary."""
        # not in the checkpoint, which is to be a function of the seed
        return {"sample_quality_seconds": round(self.seconds, 3)} if self.seconds else {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before training, or validation without it."""
        if stage == "test" or self._space is not None or not self.every_n_epochs:
            return
        if not isinstance(pl_module, CanSample):
            return
        self._space = space_of(trainer.datamodule)  # type: ignore[attr-defined]
        if self._space.network is None and is_first():
            name = f"val/fid_{self._space.name}"
            log.warning(f"no {name}, and no best.ckpt where that chooses it: {self._space.lacking}")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        space, data = self._space, trainer.datamodule  # type: ignore[attr-defined]
        if trainer.sanity_checking or space is None or (network := space.network) is None:
            return
        if (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        started = time.perf_counter()
        with undisturbed(pl_module):
            distance = measured_once(trainer, lambda: self._measure(network, data.val_set.images, pl_module))
        self.seconds += time.perf_counter() - started
        pl_module.log(f"val/fid_{space.name}", distance)

    def _measure(self, network: FeatureNetwork, images: Tensor, model: Any) -> float:
        if self._real is None:
            self._real = network.describe(images).features
        samples, _ = draw(model.sample, self.n, torch.Generator().manual_seed(self.seed))
        return frechet_distance(self._real, network.describe(samples).features)
