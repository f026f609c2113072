"""The generator's gradient under two objectives, on the same networks."""

from typing import Any, ClassVar

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import Callback, LightningModule, Trainer

from genlab.arguments import configured
from genlab.callbacks.picture import show
from genlab.callbacks.step_axis import batches_seen
from genlab.capabilities import CanCompareGradients
from genlab.pictures.figures import gradient_curves

LABELS = {"saturating": r"saturating, $\log(1 - D)$", "non_saturating": r"non-saturating, $-\log D$"}


@configured
class GeneratorGradients(Callback):
    """`train/gradient_norm_…` for each objective, on the batch axis, and their picture at the end.

    Both are measured on the networks as training has left them and on the same noise, so they differ by the
    objective alone: at a fake's logit l the saturating one weights the gradient of l by D = sigmoid(l), the
    non-saturating one by 1 − D (Goodfellow et al. 2014, section 3).

    Args:
        every_n_batches: batches between two measurements; the first is taken before training.
        n: fakes that the gradient is taken on.
        seed: of their noise.
    """

    tag: ClassVar[str] = "generator_gradients"
    objectives: ClassVar[tuple[str, ...]] = tuple(LABELS)
    every_n_batches: PositiveInt = 1
    n: PositiveInt = 64
    seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        self._steps: list[int] = []
        self._norms: dict[str, list[float]] = {name: [] for name in self.objectives}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._steps:  # of a run that is resumed there are some
            self._measure(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if batches_seen(trainer) % self.every_n_batches == 0:
            self._measure(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._steps or not trainer.is_global_zero:
            return
        picture = gradient_curves(self._steps, {LABELS[name]: norms for name, norms in self._norms.items()})
        show(trainer, picture, self.tag, self._steps[-1], f"{self.tag}.png")

    def _measure(self, trainer: Trainer, model: LightningModule) -> None:
        if not trainer.is_global_zero or not isinstance(model, CanCompareGradients):
            return
        norms = model.generator_gradient_norms(self.objectives, self.n, torch.Generator().manual_seed(self.seed))
        self._steps.append(batches_seen(trainer))
        for name, norm in norms.items():
            self._norms[name].append(norm.item())
        row = {f"train/gradient_norm_{name}": values[-1] for name, values in self._norms.items()}
        for logger in trainer.loggers:
            logger.log_metrics(row, step=self._steps[-1])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "norms": self._norms}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._steps, self._norms = state_dict["steps"], state_dict["norms"]
