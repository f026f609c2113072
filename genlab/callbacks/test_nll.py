"""−log p(x) of test images, at the end of a run."""

from typing import ClassVar

import torch
from pydantic import PositiveInt
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import undisturbed
from genlab.callbacks.step_axis import measured_once
from genlab.capabilities import CanWeigh, draws_labels
from genlab.console.pulse import Pulse
from genlab.evaluation.likelihood import BINARY, importance_weighted, importance_weighted_by_class, log_marginal


@configured
class TestNLL(Callback):
    """Logs `test/nll`: the importance-weighted estimate of −log p(x), in nats, averaged over the first test images.

    Of models of binary pixels; the flow's own test value is such an estimate already.

    Args:
        images: how many, or all if there are fewer.
        samples: K, importance samples for each.
    """

    __test__: ClassVar[bool] = False  # pytest: not a test class
    images: PositiveInt = 1000
    samples: PositiveInt = 1000

    def __post_init__(self) -> None:
        self.protocol: dict[str, str] = {}  # what was measured, and how
        self.estimators: dict[str, str] = {}

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not isinstance(pl_module, CanWeigh) or pl_module.pixels not in BINARY:
            return
        used = min(self.images, len(trainer.datamodule.test_set))  # type: ignore[attr-defined]
        how = f"log-mean-exp of {self.samples} importance samples"
        if labels := pl_module.num_classes if draws_labels(pl_module) else 0:
            how = f"log of the sum over {labels} labels, {how}, of a share of these for each other label"
        self.protocol = {"nll": f"nats per image; x {BINARY[pl_module.pixels]}; first {used} test images"}
        self.estimators = {"nll": f"upper bound: {how}"}
        pl_module.log("test/nll", measured_once(trainer, lambda: self._measure(trainer, pl_module)))

    def _measure(self, trainer: Trainer, model: LightningModule) -> Tensor:
        test_set = trainer.datamodule.test_set  # type: ignore[attr-defined]
        images = test_set.images[: self.images].to(model.device, model.dtype) / 255
        labels = test_set.labels[: self.images].long().to(model.device)
        counts, generator, track = [self.samples], torch.Generator().manual_seed(0), Pulse().track
        with undisturbed(model):
            if not draws_labels(model):
                return -importance_weighted(model, images, counts, generator, track=track).log_likelihood.mean()
            by_class, given = importance_weighted_by_class(model, images, labels, counts, generator, track=track)
            return -log_marginal(model, by_class, given.log_likelihood[-1], labels).mean()
