"""Lightning's Trainer, whose arguments are checked before anything runs."""

import inspect
import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pytorch_lightning
import torch
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, create_model
from pytorch_lightning import LightningModule
from pytorch_lightning.accelerators import CPUAccelerator, CUDAAccelerator, MPSAccelerator
from pytorch_lightning.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from genlab.data.datamodule import ImageDataModule
from genlab.errors import ConfigError
from genlab.training.captured import CapturedSteps
from genlab.training.quick_cpu import NoProfiler

SEVERAL = "ddp_find_unused_parameters_true"  # the strategy of several devices, as in conf/trainer/ddp.yaml
PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}

# Lightning states types in its signature, but hardly looks at them: max_epochs="ten" would fail in the middle of a run
_TYPES = get_type_hints(pytorch_lightning.Trainer.__init__)
# Where it takes a number and divides by it later, or a value that means nothing
_TYPES |= {
    "accumulate_grad_batches": PositiveInt,
    "devices": list[int] | str | Literal[-1] | PositiveInt,
    "enable_checkpointing": Literal[False] | None,  # Lightning's own delete files
    "gradient_clip_val": NonNegativeInt | NonNegativeFloat | None,
    "min_epochs": NonNegativeInt | None,
    "min_steps": NonNegativeInt | None,
    "val_check_interval": PositiveInt | Annotated[float, Field(gt=0, le=1)] | str | dict[str, int] | None,
    "check_val_every_n_epoch": PositiveInt | None,
    "log_every_n_steps": PositiveInt | None,
    "reload_dataloaders_every_n_epochs": NonNegativeInt,
    # with one of genlab's own, and only those that keep the parameters in float32
    "precision": Literal["auto", "32-true", "32", 32, "16-mixed", "16", 16, "bf16-mixed", "bf16"] | None,
    "profiler": Literal["simple", "advanced", "pytorch"] | None,
}
_PARAMETERS = inspect.signature(pytorch_lightning.Trainer).parameters
_ARGUMENTS: dict[str, Any] = {name: (_TYPES[name], argument.default) for name, argument in _PARAMETERS.items()}
_ARGUMENTS["compile"] = (bool, False)  # genlab's own
_RULES = ConfigDict(
    strict=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False, protected_namespaces=()
)
Arguments = create_model("Arguments", __config__=_RULES, **_ARGUMENTS)


class CheckedTrainer(pytorch_lightning.Trainer):
    """`pytorch_lightning.Trainer` that raises `pydantic.ValidationError` for an argument of a wrong type.

    `precision="auto"` is bfloat16 where that is fast, see `fastest`. `compile=True` trains with one launch a step, see
    `CapturedSteps`. `profiler` names one of `PROFILERS`, which writes `profile/fit-*.txt` below the `default_root_dir`.
    """

    __signature__ = inspect.signature(Arguments)  # for whoever asks which arguments there are

    def __init__(self, **arguments: Any) -> None:
        Arguments(**arguments)
        name, folder = arguments.get("profiler"), Path(arguments.get("default_root_dir") or ".") / "profile"
        arguments["profiler"] = PROFILERS[name](dirpath=folder, filename="fit") if name else NoProfiler()
        accelerator = arguments.get("accelerator", "auto")
        if arguments.get("precision") == "auto":
            arguments["precision"] = fastest(accelerator)
        if arguments.pop("compile", False):
            arguments["strategy"] = capturing(**arguments)
        strategy = arguments.get("strategy", "auto")
        if any(word in str(strategy) for word in ("notebook", "spawn", "fork")):
            raise ConfigError(f"trainer.strategy={strategy}: its processes would wait for ever; use trainer=ddp")
        try:
            if strategy == "auto" and _several(**arguments):
                # by itself Lightning chooses one that wants the gradients of both players of a GAN at each step
                arguments["strategy"] = SEVERAL
            super().__init__(**arguments)
        except MisconfigurationException as error:
            if "gpu backend" in str(error) or "can not run on your system" in str(error):
                raise ConfigError(
                    f"trainer.accelerator={accelerator}: this machine has none; "
                    "use trainer.accelerator=cpu or trainer.accelerator=auto"
                ) from None
            raise
        except ModuleNotFoundError as error:  # of a strategy or an accelerator
            raise ConfigError(
                f"trainer: {error}; use trainer.accelerator=cpu or gpu, and leave trainer.strategy out"
            ) from None
        cores = os.cpu_count() or 1
        if isinstance(self.accelerator, CPUAccelerator) and self.num_devices > max(cores, 2):
            raise ConfigError(
                f"trainer.devices={self.num_devices}: this machine has {cores} cores; use trainer.devices={cores} or "
                "less"
            )


def _several(accelerator: Any = "auto", devices: Any = "auto", num_nodes: int = 1, **_: Any) -> bool:
    """Whether Lightning will train on several devices."""
    there: list[Any] = [kind for kind in (MPSAccelerator, CUDAAccelerator, CPUAccelerator) if kind.is_available()]
    gpus, cpu = there[:-1], there[-1:]
    kinds = {"cpu": cpu, "cuda": gpus, "gpu": gpus, "auto": there}.get(accelerator)
    if num_nodes > 1 or not kinds:
        return num_nodes > 1
    count = kinds[0].auto_device_count() if devices == "auto" else devices
    return len(kinds[0].get_parallel_devices(kinds[0].parse_devices(count))) > 1


def capturing(
    accelerator: Any = "auto",
    devices: Any = "auto",
    strategy: Any = "auto",
    precision: Any = None,
    accumulate_grad_batches: int = 1,
    **arguments: Any,
) -> CapturedSteps:
    """The strategy of `trainer.compile=true`; ConfigError where there is no one GPU, or a step cannot be captured."""
    why = None
    if accelerator not in ("gpu", "cuda", "auto") or not CUDAAccelerator.is_available():
        why = "needs a GPU of NVIDIA's; use trainer.compile=false"
    elif strategy != "auto" or _several(accelerator, devices, **arguments):
        why = "for one process; use trainer.devices=1, and leave trainer.strategy out"
    elif precision == "16-mixed":
        why = "float16 reads its scale at each step; use trainer.precision=bf16-mixed"
    elif accumulate_grad_batches != 1:
        why = "not with trainer.accumulate_grad_batches; leave one of them out"
    if why:
        raise ConfigError(f"trainer.compile=true: {why}")
    (index,) = CUDAAccelerator.parse_devices(1 if devices == "auto" else devices) or [0]
    return CapturedSteps(torch.device("cuda", index))


def fastest(accelerator: Any) -> Literal["bf16-mixed", "32-true"]:
    """The precision that trains fastest on this machine with the trainer's accelerator, as `cpu`, `gpu`, `auto`.

    On a processor that has no instructions for bfloat16 its matrix products are some 70 times slower than those of
    float32; on one that has them, up to twice as fast.
    """
    if accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif accelerator in ("mps", "gpu", "auto") and torch.backends.mps.is_available():
        fast = False
    else:
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if fast else "32-true"


def check_manual_optimization(model: LightningModule, trainer: pytorch_lightning.Trainer) -> None:
    """Raise ConfigError for gradient clipping or accumulation with manual optimization; Lightning would, but later."""
    if model.automatic_optimization:
        return
    harmless = {"gradient_clip_val": (None, 0), "accumulate_grad_batches": (1,)}
    for name, values in harmless.items():
        given = getattr(trainer, name)
        if given not in values:
            who = type(model).__name__
            raise ConfigError(f"trainer.{name}={given}: not for {who}, which steps its optimizers itself; leave it out")


def check_limits(trainer: pytorch_lightning.Trainer, data: ImageDataModule) -> None:
    """Raise ConfigError if a share of a split is less than a batch, or validation comes later than an epoch ends.

    Lightning would, when it comes to the split. The data are set up, and not yet the trainer's.
    """
    loaders = {"train": data.train_dataloader(), "val": data.val_dataloader(), "test": data.test_dataloader()}
    counts = {split: math.ceil(len(loader) / trainer.world_size) for split, loader in loaders.items()}
    overfits = trainer.overfit_batches  # type: ignore[attr-defined]
    for split, batches in counts.items():
        limit = getattr(trainer, f"limit_{split}_batches")
        if isinstance(limit, float) and limit > 0 and int(batches * limit) == 0:
            name = "overfit_batches" if overfits and split != "test" else f"limit_{split}_batches"
            least = math.ceil(1000 / batches) / 1000
            raise ConfigError(f"trainer.{name}={limit}: less than one of the {batches} {split} batches; use {least}")
    interval, limit, batches = trainer.val_check_interval, trainer.limit_train_batches, counts["train"]
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    every_epoch = trainer.check_val_every_n_epoch is not None and trainer.limit_val_batches
    if isinstance(interval, int) and interval > batches and every_epoch:
        raise ConfigError(
            f"trainer.val_check_interval={interval}: an epoch has {batches} batches; use no more than that"
        )
