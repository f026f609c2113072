"""The parts of a model as ONNX: one file each, which needs neither genlab nor torch."""

import copy
import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from genlab.capabilities import CanDecode, CanEncode, HasParts, Part, draws_labels, takes_labels
from genlab.errors import ConfigError, RunError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4  # between torch and onnxruntime
BATCHES = (1, 3)  # that are compared; a third size is traced


def check_packages() -> None:
    """Raise ConfigError unless what writes and reads ONNX is installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(f"--format onnx needs {', '.join(missing)}; pip install 'genlab[onnx]'")


def parts_of(model: LightningModule) -> Mapping[str, Part]:
    """What of a model is a function of tensors; RunError if nothing is."""
    if isinstance(model, HasParts):
        return model.parts
    parts = {}
    if isinstance(model, CanEncode):
        parts["encoder"] = Part(model.encode, "images", ("z",), "images in [0, 1] → codes")
    if isinstance(model, CanDecode):
        parts["decoder"] = Part(model.decode, "z", ("images",), "codes → images in [0, 1]")
    if not parts:
        raise RunError(
            f"{type(model).__name__} has no encoder and no decoder: what it draws with is a program, no network that "
            "ONNX could hold; take --format safetensors"
        )
    return parts


def write_parts(folder: Path, model: LightningModule) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Write a file for each part of a model on the CPU, and check it against torch.

    Return what a card says of each file, and the parts of which there is none, with the reason. RunError if no part can
    be written as ONNX, or the numbers of one are not those of torch.
    """
    model = copy.deepcopy(model).requires_grad_(False)
    for module in model.modules():
        if callable(solve_once := getattr(module, "solve_once", None)):
            solve_once()
    files: dict[str, dict[str, Any]] = {}
    absent: dict[str, str] = {}
    for name, part in parts_of(model).items():
        path = folder / f"{name}.onnx"
        examples = examples_of(model, part, 2)
        try:
            program = torch.onnx.export(
                _Function(model, part).eval(),
                tuple(examples.values()),
                input_names=list(examples),
                output_names=list(part.gives),
                dynamic_shapes=({0: torch.export.Dim("batch")},) * len(examples),
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            program.save(path, external_data=False)
        except (torch.onnx.OnnxExporterError, torch.onnx.errors.UnsupportedOperatorError) as error:
            absent[name] = str(error.__cause__ or error)[:200]
            continue
        shapes = _shapes(path)
        if any(isinstance(size[0], int) for size in [*shapes["inputs"].values(), *shapes["outputs"].values()]):
            path.unlink()
            absent[name] = "its code fixes the size of the batch, as len(x) does; x.shape[0] does not"
            continue
        files[path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "meaning": part.meaning,
            "largest_difference_from_torch": _difference(path, model, part),
            **shapes,
        }
    if not files:
        what = "; ".join(f"{name} cannot be written as ONNX ({why})" for name, why in absent.items())
        raise RunError(f"{what}; take --format safetensors")
    return files, absent


class _Function(nn.Module):
    """A part as the module that it is exported as, with the model's weights."""

    def __init__(self, model: LightningModule, part: Part) -> None:
        super().__init__()
        self.model = model
        self.part = part

    def forward(self, given: Tensor, labels: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        return self.part.function(given) if labels is None else self.part.function(given, labels=labels)


def examples_of(model: Any, part: Part, batch: int) -> dict[str, Tensor]:
    """Name → noise of the shape that a part takes, and labels, int64 (batch,), where the model is told them."""
    generator = torch.Generator().manual_seed(batch)
    if part.takes == "z":
        noise = torch.randn(batch, model.latent_dim, generator=generator)
    else:
        shape = model.hparams.get("image_shape") or model.decode(torch.zeros(1, model.latent_dim)).shape[1:]
        noise = torch.rand(batch, *shape, generator=generator)
    if not (draws_labels(model) and takes_labels(part.function)):
        return {part.takes: noise}
    return {part.takes: noise, "labels": torch.randint(model.num_classes, (batch,), generator=generator)}


def _difference(path: Path, model: LightningModule, part: Part) -> float:
    """The largest between torch and onnxruntime, relative to numbers above 1."""
    from onnxruntime import InferenceSession

    session, largest = InferenceSession(path, providers=["CPUExecutionProvider"]), 0.0
    for batch in BATCHES:
        given = examples_of(model, part, batch)
        wanted = _Function(model, part)(*given.values())
        for here, there in zip(
            [wanted] if isinstance(wanted, Tensor) else wanted,
            session.run(list(part.gives), {name: value.numpy() for name, value in given.items()}),
            strict=True,
        ):
            difference = (here - torch.from_numpy(there)).abs() / here.abs().clamp(min=1)
            largest = max(largest, float(difference.max()))
    if not largest <= TOLERANCE:
        raise RunError(f"{path.name}: differs from torch by {largest:.1g}; take --format safetensors")
    return largest


def _shapes(path: Path) -> dict[str, Any]:
    """Inputs, outputs and opset, as the file itself says."""
    import onnx

    written = onnx.load(path)
    onnx.checker.check_model(written)

    def shapes(values: Any) -> dict[str, list[Any]]:
        sizes = {value.name: value.type.tensor_type.shape.dim for value in values}
        return {name: [size.dim_param or size.dim_value for size in sizes[name]] for name in sizes}

    opset = max(item.version for item in written.opset_import if not item.domain)
    return {"inputs": shapes(written.graph.input), "outputs": shapes(written.graph.output), "opset": opset}
