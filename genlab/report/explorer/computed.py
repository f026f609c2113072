"""What of a model the page computes: decoder, encoder, discriminator, each for every label that the model is told."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.capabilities import CanJudge, Part, draws_labels, takes_labels
from genlab.errors import RunError
from genlab.report.explorer.network import network_of
from genlab.runs.onnx_parts import parts_of

MOST_LATENTS = 512


class Computed:
    """The networks of a model.

    Args:
        model: in evaluation mode, on the CPU, without gradients.

    Attributes:
        parts: role → part.
        shape: (C, H, W) of the images.
        labels: that the model is told; [None] if it is told none.
        networks: role → a network for each label.
        numbers: in the page, of all tensors of these in turn: most are the same for all labels, and there once.

    Raises:
        RunError: there is no decoder, it has as many latents as pixels, or a layer that the page does not know.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.parts = _roles(model)
        self.shape = tuple(model.decode(torch.zeros(1, model.latent_dim)).shape[1:])
        if len(self.shape) != 3 or self.shape[0] not in (1, 3):
            raise RunError(
                f"{type(model).__name__}: images of shape {self.shape} cannot be shown; (1, H, W) or (3, H, W) can"
            )
        self.labels: list[int | None] = [*range(model.num_classes)] if draws_labels(model) else [None]
        examples = {role: (model.latent_dim,) if part.takes == "z" else self.shape for role, part in self.parts.items()}
        self.networks = {
            role: [network_of(model, role, self.function(role, y), torch.zeros(1, *shape)) for y in self.labels]
            for role, shape in examples.items()
        }
        self.numbers: list[int] = []
        count = itertools.count()
        for first, *others in self.networks.values():
            of_first = [next(count) for _ in first.tensors]
            self.numbers += of_first
            for network in others:
                pairs = zip(of_first, network.tensors, first.tensors, strict=True)
                self.numbers += [at if torch.equal(one, same) else next(count) for at, one, same in pairs]

    def function(self, role: str, label: int | None) -> Callable[[Tensor], Any]:
        """Of a batch, all with one label."""
        function: Callable[..., Any] = self.parts[role].function
        if label is None or not takes_labels(function):
            return function
        return lambda given: function(given, labels=torch.tensor([label] * len(given)))

    def tensors(self, numbers: Sequence[int]) -> list[Tensor]:
        """In the order of their numbers, which are those of the same model in another epoch."""
        every = [each for networks in self.networks.values() for network in networks for each in network.tensors]
        return [each for _, each in sorted(dict(zip(numbers, every, strict=True)).items(), key=lambda one: one[0])]

    def described(self) -> dict[str, list[dict[str, Any]]]:
        """The networks, plain, with the numbers of their tensors."""
        numbers = iter(self.numbers)

        def numbered(layer: dict[str, Any]) -> dict[str, Any]:
            return {**layer, "tensors": [each if each is None else next(numbers) for each in layer.get("tensors", ())]}

        return {
            role: [
                {"size": one.size, "layers": [*map(numbered, one.layers)], "outputs": one.outputs} for one in networks
            ]
            for role, networks in self.networks.items()
        }


def _roles(model: LightningModule) -> dict[str, Part]:
    """`decoder`, `encoder`, `discriminator` → the part that is one, by what it takes and gives."""
    found: dict[str, Part] = {}
    try:
        parts: Mapping[str, Part] = parts_of(model)
    except RunError:
        parts = {}
    for part in parts.values():
        if part.takes == "z" and part.gives == ("images",):
            found["decoder"] = part
        elif part.takes != "z" and part.gives[0] in ("z", "mu"):
            found["encoder"] = part
    if isinstance(model, CanJudge):
        found["discriminator"] = Part(model.judge, "images", ("logit",), "images in [0, 1] → logit of being real")
    latents = getattr(model, "latent_dim", None)
    if isinstance(latents, int) and latents > MOST_LATENTS:
        raise RunError(
            f"{type(model).__name__}: {latents} latents are more than the {MOST_LATENTS} that a page can show; "
            "genlab sample shows what it draws"
        )
    if "decoder" not in found or latents is None:
        raise RunError(
            f"{type(model).__name__} has no decoder from a latent space to images, so there is nothing to explore; "
            "genlab sample shows what it draws"
        )
    return found
