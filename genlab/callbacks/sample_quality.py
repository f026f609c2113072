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
from genlab.evaluation.distances import frechet_distance
from genlab.evaluation.feature_network import FeatureNetwork, Space, space_of
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
        self.protocol: dict[str, str] = {}  # how the number is measured
        self.seconds = 0.0  # spent here by this process
        self._space: Space | None = None
        self._real: Tensor | None = None  # features of the validation images

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
        self._space = space = space_of(trainer.datamodule)  # type: ignore[attr-defined]
        name = f"fid_{space.name}"
        if space.network is not None:
            which = space.network.title + ("" if space.name == "mnist" else f" {space.network.sha256[:12]}")
            how = f"{self.n} samples against the validation images, features of the {which}"
            self.protocol[name] = f"{how}; not comparable with the value of genlab evaluate"
        elif is_first():
            log.warning(f"no val/{name}, and no best.ckpt where that chooses it: {space.lacking}")

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
