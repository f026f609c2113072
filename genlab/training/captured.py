"""A whole training step as one CUDA graph, which is replayed with the next batch."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies import SingleDeviceStrategy
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from genlab.callbacks.bundle import is_own
from genlab.capabilities import KnowsItsConstants
from genlab.errors import ConfigError
from genlab.training.cuda_graphs import CUDAGraphs, Step

WARM_UP = 3  # steps of one kind before it is recorded, in which libraries choose their kernels and Adam makes its state
MOST_GRAPHS = 8  # each has memory of its own
BETWEEN = ("on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_zero_grad")


@dataclass
class _Recorded:
    """A step that can be replayed."""

    inputs: list[Tensor]  # of the batch that it reads
    names: list[str]  # of what it returns
    values: Tensor  # of these; overwritten by each replay
    updates: int  # how many steps of optimizers it has
    replay: Callable[[], None]


class CapturedSteps(SingleDeviceStrategy):
    """Forward, backward, clipping and update of a training step in one launch.

    `training_step` does all of them, so that Lightning's own backward pass and update have nothing left to do, and
    callbacks see no gradient: those that ask for one are refused. The numbers are those of the steps without graphs,
    the random ones included; learning rates that a schedule changes are rounded to float32.

    A step reads the batch, the weights, and Python's numbers that its model names in `step_constants`. Each combination
    of these and of the shapes has a graph of its own; while they change from batch to batch nothing is recorded.

    Args:
        device: of the model.
        recorder: None: one of CUDA graphs; without a GPU another may stand for it.
    """

    def __init__(self, device: torch.device, recorder: CUDAGraphs | None = None) -> None:
        super().__init__(device=device)
        self._recorder = recorder
        self._forget()

    def _forget(self) -> None:
        self._recorded: dict[Hashable, _Recorded] = {}
        self._seen: Counter[Hashable] = Counter()
        self._rates: list[Tensor] = []  # the learning rate of each group of parameters, where a schedule changes it
        self._rates_there: list[float] = []
        self._inside = False  # a step
        self._updates = 0  # of optimizers, in this step

    def setup(self, trainer: Trainer) -> None:
        """Check that nothing needs the gradients (see `check`), and get the model to its device."""
        if trainer.state.fn == TrainerFn.FITTING:
            check(trainer.lightning_module, trainer.callbacks)  # type: ignore[attr-defined]
        super().setup(trainer)
        if self._recorder is None:
            self._recorder = CUDAGraphs(self.root_device)
        if trainer.lr_scheduler_configs:
            self._rates = [torch.zeros((), device=self.root_device) for _ in self._groups()]
            self._rates_there = [0.0] * len(self._rates)

    def teardown(self) -> None:
        self._forget()  # the weights move, and the graphs would write where they were
        super().teardown()

    def training_step(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The whole step; see the class."""
        (images, labels), batch_idx = args
        assert self._recorder is not None
        model = cast(KnowsItsConstants, self.lightning_module)
        rates = self._set_rates()
        key = (images.shape, labels.shape, model.step_constants(batch_idx), rates)
        recorded = self._recorded.get(key)
        if recorded is None:
            self._seen[key] += 1
            names: list[str] = []
            if self._seen[key] <= WARM_UP or len(self._recorded) == MOST_GRAPHS:
                values = self._recorder.run(partial(self._step, [images, labels], batch_idx, names))
                return dict(zip(names, values.unbind(), strict=True))
            inputs = [images.clone(), labels.clone()]
            values, replay = self._record(partial(self._step, inputs, batch_idx, names, recorded=True))
            recorded = self._recorded[key] = _Recorded(inputs, names, values, self._updates, replay)
        else:
            recorded.inputs[0].copy_(images)
            recorded.inputs[1].copy_(labels)
            self._count(recorded.updates)
        recorded.replay()
        return dict(zip(recorded.names, recorded.values.clone().unbind(), strict=True))

    def _record(self, step: Step) -> tuple[Tensor, Callable[[], None]]:
        assert self._recorder is not None
        try:
            return self._recorder.record(step)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # as of something that waits for the device
            why = str(error).strip().partition("\n")[0]
            name = type(self.lightning_module).__name__
            raise ConfigError(
                f"trainer.compile=true: a step of {name} cannot be captured ({why}); leave it out"
            ) from error

    def _step(self, batch: list[Tensor], batch_idx: int, names: list[str], recorded: bool = False) -> Tensor:
        """The step, operation by operation → its scalars as one tensor; and their names, into the list."""
        model = self.lightning_module
        assert model is not None
        self._inside, self._updates = True, 0
        try:
            with self._rates_on_device(recorded):
                outputs: Any = super().training_step(batch, batch_idx)
                if model.automatic_optimization:
                    self._descend(model, outputs["loss"])
        finally:
            self._inside = False
        names[:] = outputs
        return torch.stack([value.detach() for value in outputs.values()])

    def _descend(self, model: LightningModule, loss: Tensor) -> None:
        """What Lightning does after `training_step` under automatic optimization."""
        (optimizer,) = self.optimizers
        optimizer.zero_grad()
        self.precision_plugin.backward(loss, model, optimizer)
        trainer = model.trainer
        model.configure_gradient_clipping(
            optimizer,
            gradient_clip_val=trainer.gradient_clip_val,
            gradient_clip_algorithm=trainer.gradient_clip_algorithm,
        )
        optimizer.step()

    def backward(self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any) -> Tensor:
        """Of a step with manual optimization; Lightning's own call, after the step, has nothing left to do."""
        if self._inside:
            assert self.lightning_module is not None
            self.precision_plugin.backward(closure_loss, self.lightning_module, optimizer, *args, **kwargs)
        return closure_loss

    def optimizer_step(self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **kwargs: Any) -> Any:
        """Of a step with manual optimization; Lightning's own call takes the whole step by its closure."""
        if self._inside:
            self._updates += 1
            return optimizer.step(closure, **kwargs)
        return closure()

    def _count(self, updates: int) -> None:
        """Tell Lightning of the updates in a replay, where it counts them by itself only as they are called."""
        model = self.lightning_module
        assert model is not None
        if not model.automatic_optimization:
            progress = model.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
            for _ in range(updates):
                progress.increment_ready()
                progress.increment_completed()

    # Learning rates: numbers in a graph are what they were when it was recorded

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def _set_rates(self) -> tuple[float, ...]:
        """Bring what a schedule has changed to the device; without one return the rates, which a graph may hold."""
        rates = [group["lr"] for group in self._groups()]
        if not self._rates:
            return tuple(rates)
        for there, (before, now) in zip(self._rates, zip(self._rates_there, rates, strict=True), strict=True):
            if before != now:
                there.fill_(now)
        self._rates_there = rates
        return ()

    @contextmanager
    def _rates_on_device(self, recorded: bool) -> Iterator[None]:
        """Inside, scheduled rates are tensors, and Adam lets itself be recorded; checkpoints know nothing of it."""
        groups = self._groups()
        before: list[dict[str, Any]] = [
            {name: group[name] for name in ("lr", "capturable") if name in group} for group in groups
        ]
        for group, rate in zip(groups, self._rates or [group["lr"] for group in groups], strict=True):
            group["lr"] = rate
            if "capturable" in group:
                group["capturable"] = recorded or group["capturable"]
        try:
            yield
        finally:
            for group, values in zip(groups, before, strict=True):
                group.update(values)


def check(model: LightningModule, callbacks: list[Callback]) -> None:
    """Raise ConfigError if a model does not say on what its steps depend; or it, or a callback, looks at gradients."""
    name = type(model).__name__
    if not isinstance(model, KnowsItsConstants):
        raise ConfigError(
            f"trainer.compile=true: {name} has no step_constants, which names what its step depends on; leave it out"
        )
    for part in (model, *(callback for callback in callbacks if not is_own(callback))):
        wants = [hook for hook in BETWEEN if is_overridden(hook, part)]
        if wants:
            raise ConfigError(
                f"trainer.compile=true: {type(part).__name__} has {wants[0]}, and a captured step has no such moment; "
                "leave one of them out"
            )
