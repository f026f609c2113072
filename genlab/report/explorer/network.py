"""A function of a model → the list of layers that the page computes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genlab.errors import RunError

# For one image at a time these change the shape, and no number
RESHAPING = {
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "contiguous",
    "clone",
    "alias",
    "detach",
    "dropout",
    "to",
    "_to_copy",
}
ACTIVATIONS = {"relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "softplus", "elu"}


@dataclass
class Network:
    """Layers between numbered arrays; array 0 is the input.

    Attributes:
        size: numbers in the input.
        layers: each with its `op`, the arrays `in` and `out`, the `size` of `out`, and the tensors by their numbers.
        outputs: arrays.
        tensors: weights, in the order of their numbers.
    """

    size: int
    layers: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    @property
    def described(self) -> dict[str, Any]:
        """All but the weights."""
        return {"size": self.size, "layers": self.layers, "outputs": self.outputs}

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether the array before the last one holds logits."""
        return bool(self.layers) and self.layers[-1]["op"] == "sigmoid" and self.outputs == [self.layers[-1]["out"]]


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
    return _Reader(program, f"{type(model).__name__}: its {name}").read(example.numel())


class _Reader:
    """Walks through a traced program, node by node. What depends on weights only is computed here, once."""

    def __init__(self, program: torch.export.ExportedProgram, whose: str) -> None:
        self.graph, self.whose = program.graph, whose
        signature = program.graph_signature
        given = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        constants = signature.inputs_to_lifted_tensor_constants
        values = {**program.state_dict, **program.constants}
        self.weights = {name: values[target] for name, target in {**given, **constants}.items()}
        self.known: dict[Any, Any] = {}
        self.arrays: dict[Any, int] = {}

    def read(self, size: int) -> Network:
        self.network = Network(size)
        for node in self.graph.nodes:
            if node.op == "placeholder" and node.name in self.weights:
                self.known[node] = self.weights[node.name]
            elif node.op == "placeholder":
                self.arrays[node] = 0
            elif node.op == "call_function" and not self.arrays.keys() & self._inputs(node):
                self.known[node] = node.target(*self._valued(node.args), **self._valued(node.kwargs))
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                self.network.outputs = [self._array(each) for each in node.args[0]]
        return self.network

    def _inputs(self, node: Any) -> set[Any]:
        """Of a piece of something, that something."""
        found = set(node.all_input_nodes)
        return found | {each for whole in found if whole not in self.known for each in whole.all_input_nodes}

    def _valued(self, arguments: Any) -> Any:
        return torch.fx.node.map_arg(arguments, lambda node: self.known[node])

    def _call(self, node: Any) -> None:
        op = str(node.target).split(".")[1] if str(node.target).startswith("aten.") else str(node.target)
        if "getitem" in op:
            self._piece(node)
        elif not isinstance(node.meta.get("val"), Tensor):
            pass  # a type, or the pieces of `chunk`, which are read where they are taken
        elif op in RESHAPING:
            self.arrays[node] = self._array(node.args[0])
        elif op in ACTIVATIONS:
            self._add(node, op, node.args[:1], options=[*node.args[1:], *node.kwargs.values()])
        elif op == "linear":
            self._add(node, op, node.args[:1], weights=node.args[1:])
        elif op in ("conv2d", "conv_transpose2d"):
            self._convolution(node, op)
        elif op == "batch_norm" and not node.args[5]:
            self._batch_norm(node)
        elif op in ("add", "sub", "mul", "div"):
            self._arithmetic(node, op)
        elif op == "sum" and math.prod(_shape(node)) == 1:
            self._add(node, "total", node.args[:1])
        elif op == "cat" and _before(node, (node.args[1:] or (0,))[0]) == 1:
            self._add(node, "join", node.args[0])
        else:
            self._refuse(op)

    def _add(self, node: Any, op: str, inputs: Any, weights: Any = (), **more: Any) -> None:
        """A layer whose output is a new array."""
        layers = self.network.layers
        self.arrays[node] = 1 + len(layers)
        taken = [self._array(each) for each in inputs]
        numbers = [None if each is None else self._tensor(self._weight(each)) for each in weights]
        layers.append(
            {
                "op": op,
                "in": taken,
                "out": self.arrays[node],
                "size": math.prod(_shape(node)),
                **({"tensors": numbers} if numbers else {}),
                **{name: value for name, value in more.items() if value != []},
            }
        )

    def _array(self, node: Any) -> int:
        if node not in self.arrays:
            self._refuse("an output or an input that is always the same")
        return self.arrays[node]

    def _weight(self, node: Any) -> Tensor:
        if isinstance(node, Tensor):
            return node
        if node not in self.known:
            self._refuse("weights that depend on its input")
        return self.known[node]

    def _tensor(self, tensor: Tensor) -> int:
        self.network.tensors.append(tensor.detach().float())
        return len(self.network.tensors) - 1

    def _piece(self, node: Any) -> None:
        """One of the parts that `chunk` or `split` makes: numbers that lie side by side."""
        whole, index = node.args
        op = str(whole.target).split(".")[1]
        if op not in ("chunk", "split", "split_with_sizes"):
            self._refuse(op)
        given, dim = whole.args[0], (whole.args[2] if len(whole.args) > 2 else 0)
        if _before(given, dim) != 1:
            self._refuse("a split across channels and places")
        start = sum(math.prod(piece.shape) for piece in whole.meta["val"][:index])
        self._add(node, "piece", [given], start=start)

    def _convolution(self, node: Any, op: str) -> None:
        rest = {"conv2d": ("dilation", "groups"), "conv_transpose2d": ("output_padding", "groups", "dilation")}[op]
        names = ("weight", "bias", "stride", "padding", *rest)
        given = {**dict(zip(names, node.args[1:], strict=False)), **node.kwargs}
        steps = [set(given.get(name, [usual])) for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1))]
        if any(len(step) > 1 for step in steps) or steps[2] != {1} or given.get("groups", 1) != 1:
            self._refuse(f"{op} with groups, dilation or unequal strides")
        (stride,), (padding,) = steps[:2]
        self._add(
            node,
            op,
            node.args[:1],
            weights=(given["weight"], given.get("bias")),
            stride=stride,
            padding=padding,
            kernel=list(self._weight(given["weight"]).shape[2:]),
            **{"from": list(_shape(node.args[0])[1:]), "to": list(_shape(node)[1:])},
        )

    def _batch_norm(self, node: Any) -> None:
        """By running statistics: y = x · scale + shift in each channel."""
        _, gamma, beta, mean, var, _, _, eps, *_ = node.args
        mean, var = self._weight(mean), self._weight(var)
        scale = torch.rsqrt(var + eps) * (1 if gamma is None else self._weight(gamma))
        shift = (0 if beta is None else self._weight(beta)) - mean * scale
        self._add(node, "affine", node.args[:1], weights=(scale, shift))

    def _arithmetic(self, node: Any, op: str) -> None:
        one, other = node.args
        if one in self.known and op in ("add", "mul"):
            one, other = other, one
        other = self.known.get(other, other)
        if node.kwargs or one not in self.arrays:
            self._refuse(op)
        elif isinstance(other, int | float | Tensor):
            self._with_constant(node, op, one, torch.as_tensor(other, dtype=torch.float32))
        elif op in ("add", "mul") and _shape(one) == _shape(other):
            self._add(node, op, [one, other])
        else:
            self._refuse(f"{op} of unlike shapes")

    def _with_constant(self, node: Any, op: str, given: Any, constant: Tensor) -> None:
        """One number for all, for each channel, or for each place."""
        shape = list(constant.shape)
        while shape and shape[-1] == 1:
            shape.pop()
        if list(_shape(given))[: len(shape)] != shape:
            self._refuse(f"{op} of unlike shapes")
        one, zero = torch.ones_like(constant), torch.zeros_like(constant)
        scale, shift = {
            "add": (one, constant),
            "sub": (one, -constant),
            "mul": (constant, zero),
            "div": (1 / constant, zero),
        }[op]
        self._add(node, "affine", [given], weights=(scale.flatten(), shift.flatten()))

    def _refuse(self, what: str) -> None:
        raise RunError(f"{self.whose} has {what}, which the page's script does not compute")


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)


def _before(node: Any, dim: int) -> int:
    """Numbers of dimensions in front of one, multiplied: 1 where what lies along it lies side by side."""
    shape = _shape(node)
    return math.prod(shape[: dim % len(shape)])
