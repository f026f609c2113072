"""A function of a model → the list of layers that the page computes."""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.fx import Interpreter, Node

from genlab.errors import RunError

# For one image at a time these change the shape, and no number
RESHAPING = {
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"),
    *("contiguous", "clone", "alias", "detach", "dropout", "to", "_to_copy"),
}
WEIGHTED = {"linear", "conv2d", "conv_transpose2d", "batch_norm"}
ACTIVATIONS = {"relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "softplus", "elu"}


@dataclass
class Network:
    """Layers between numbered arrays; array 0 is the input.

    Attributes:
        size: numbers in the input.
        layers: each with its `op`, the arrays `in` and `out`, the `size` of `out`, and perhaps `tensors`: its weights.
        outputs: arrays.
    """

    size: int
    layers: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    @property
    def tensors(self) -> list[Tensor]:
        """All weights, in order."""
        return [each for layer in self.layers for each in layer.get("tensors", ()) if each is not None]

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether the array before the last one holds logits."""
        return bool(self.layers) and self.layers[-1]["op"] == "sigmoid" and self.outputs == [self.layers[-1]["out"]]


@dataclass(frozen=True)
class _Array:
    """Numbers that depend on the input: their place among the arrays, and their shape (1, …)."""

    place: int
    shape: tuple[int, ...]


class _Function(nn.Module):
    """What is traced, with the model's weights."""

    def __init__(self, model: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, given: Tensor) -> Any:
        return self.function(given)


def network_of(model: nn.Module, name: str, function: Callable[[Tensor], Any], example: Tensor) -> Network:
    """The layers of a function of a model, as torch traces them on one example.

    Args:
        model: in evaluation mode, on the CPU, without gradients.
        name: of the function, for the error.
        function: a tensor → a tensor, or several.
        example: what it takes, a batch of one.

    Raises:
        RunError: it cannot be traced, or has a layer that the page does not know.
    """
    try:
        program = torch.export.export(_Function(model, function).eval(), (example,), strict=False)
    except Exception as error:  # whatever a model's own code leads torch to
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise RunError(f"{type(model).__name__}: its {name} cannot be traced as layers ({why})") from None
    return _Reader(program, f"{type(model).__name__}: its {name}").read(example)


class _Reader(Interpreter):
    """Goes through a traced program, node by node. What depends on weights only is computed here, once."""

    def __init__(self, program: torch.export.ExportedProgram, whose: str) -> None:
        super().__init__(program.module())
        self.extra_traceback = False  # it would be in the message
        self.whose = whose

    def read(self, example: Tensor) -> Network:
        self.network = Network(example.numel())
        outputs = self.run(_Array(0, tuple(example.shape)), enable_io_processing=False)
        self.network.outputs = [self._given(each).place for each in outputs]
        return self.network

    def call_module(self, target: Any, args: Any, kwargs: Any) -> None:
        """Compute nothing: only checks of the input are modules."""

    def run_node(self, n: Node) -> Any:
        depends = any(isinstance(self.env[each], _Array) for each in n.all_input_nodes)
        if n.op != "call_function" or n.target is operator.getitem or not depends:
            return super().run_node(n)
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        made = n.meta.get("val")
        op = getattr(n.target, "__name__", "").partition(".")[0]  # "linear" of "linear.default"
        if op in ("chunk", "split", "split_with_sizes"):
            return self._pieces(args[0], n.meta["val"], args[2] if len(args) > 2 else 0)
        if isinstance(made, list | tuple):
            self._refuse(op)
        if not isinstance(made, Tensor):
            return None  # a check of a type
        self.shape = tuple(made.shape)
        return self._layer(op, args, kwargs)

    def _layer(self, op: str, args: Any, kwargs: Any) -> _Array:
        """What an operation gives, an array of `self.shape`."""
        if op in RESHAPING:
            return _Array(self._given(args[0]).place, self.shape)
        if op in ACTIVATIONS:
            return self._add(op, args[:1], options=[*args[1:], *kwargs.values()])
        if op in WEIGHTED and any(isinstance(each, _Array) for each in args[1:]):
            self._refuse("weights that depend on its input")
        if op == "linear":
            return self._add(op, args[:1], weights=args[1:])
        if op in ("conv2d", "conv_transpose2d"):
            return self._convolution(op, args, kwargs)
        if op == "batch_norm" and not args[5]:
            return self._batch_norm(args)
        if op in ("add", "sub", "mul", "div") and not kwargs:
            return self._arithmetic(op, *args)
        if op == "sum" and math.prod(self.shape) == 1:
            return self._add("total", args[:1])
        if op == "cat" and _before(self.shape, (args[1:] or (0,))[0]) == 1:
            return self._add("join", args[0])
        return self._refuse(op)

    def _add(self, op: str, inputs: Sequence[Any], weights: Sequence[Any] = (), **more: Any) -> _Array:
        """A layer whose output is a new array."""
        made = _Array(1 + len(self.network.layers), self.shape)
        taken = [self._given(each).place for each in inputs]
        tensors = [None if each is None else each.detach().float() for each in weights]
        self.network.layers.append(
            {
                "op": op,
                "in": taken,
                "out": made.place,
                "size": math.prod(self.shape),
                **({"tensors": tensors} if tensors else {}),
                **{name: value for name, value in more.items() if value != []},
            }
        )
        return made

    def _given(self, array: Any) -> _Array:
        return array if isinstance(array, _Array) else self._refuse("an output or an input that is always the same")

    def _pieces(self, whole: _Array, made: Sequence[Tensor], dim: int) -> list[_Array]:
        """The parts that `chunk` or `split` makes: numbers that lie side by side."""
        if _before(whole.shape, dim) != 1:
            self._refuse("a split across channels and places")
        pieces, start = [], 0
        for each in made:
            self.shape = tuple(each.shape)
            pieces.append(self._add("piece", [whole], start=start))
            start += each.numel()
        return pieces

    def _convolution(self, op: str, args: Any, kwargs: Any) -> _Array:
        rest = {"conv2d": ("dilation", "groups"), "conv_transpose2d": ("output_padding", "groups", "dilation")}[op]
        names = ("weight", "bias", "stride", "padding", *rest)
        given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        steps = [set(given.get(name, [usual])) for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1))]
        if any(len(step) > 1 for step in steps) or steps[2] != {1} or given.get("groups", 1) != 1:
            self._refuse(f"{op} with groups, dilation or unequal strides")
        (stride,), (padding,) = steps[:2]
        return self._add(
            op,
            args[:1],
            weights=(given["weight"], given.get("bias")),
            stride=stride,
            padding=padding,
            kernel=list(given["weight"].shape[2:]),
            **{"from": list(self._given(args[0]).shape[1:]), "to": list(self.shape[1:])},
        )

    def _batch_norm(self, args: Any) -> _Array:
        """By running statistics: y = x · scale + shift in each channel."""
        given, gamma, beta, mean, var, _, _, eps, *_ = args
        scale = torch.rsqrt(var + eps) * (1 if gamma is None else gamma)
        shift = (0 if beta is None else beta) - mean * scale
        return self._add("affine", [given], weights=(scale, shift))

    def _arithmetic(self, op: str, one: Any, other: Any) -> _Array:
        """Of two arrays, or of one with a number for all, for each channel, or for each place."""
        if op in ("add", "mul") and not isinstance(one, _Array):
            one, other = other, one
        if not isinstance(one, _Array):
            return self._refuse(op)
        if isinstance(other, _Array):
            if op not in ("add", "mul") or one.shape != other.shape:
                self._refuse(f"{op} of unlike shapes")
            return self._add(op, [one, other])
        constant = torch.as_tensor(other, dtype=torch.float32)
        shape = list(constant.shape)
        while shape and shape[-1] == 1:
            shape.pop()
        if list(one.shape)[: len(shape)] != shape:
            self._refuse(f"{op} of unlike shapes")
        unit, zero = torch.ones_like(constant), torch.zeros_like(constant)
        scale, shift = {
            "add": (unit, constant),
            "sub": (unit, -constant),
            "mul": (constant, zero),
            "div": (1 / constant, zero),
        }[op]
        return self._add("affine", [one], weights=(scale.flatten(), shift.flatten()))

    def _refuse(self, what: str) -> NoReturn:
        raise RunError(f"{self.whose} has {what}, which the page's script does not compute")


def _before(shape: Sequence[int], dim: int) -> int:
    """Numbers of dimensions in front of one, multiplied: 1 where what lies along it lies side by side."""
    return math.prod(shape[: dim % len(shape)])
