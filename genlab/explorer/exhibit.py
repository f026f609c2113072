"""What the page holds of one run: its networks, its latent space, test images, numbers."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.capabilities import CanExplain, CanSample, CanTrace, Part, quantity_of
from genlab.console.readable import short
from genlab.errors import RunError
from genlab.explorer import BITS, SNAPSHOT_BITS
from genlab.explorer.directions import principal_directions
from genlab.explorer.network import Network, network_of
from genlab.explorer.packing import packed, text
from genlab.explorer.words import sentences
from genlab.objectives import pairwise_bernoulli_log_likelihood
from genlab.runs.onnx_parts import parts_of
from genlab.runs.reading import CheckpointName, Run
from genlab.runs.reload import load_data, load_model
from genlab.runs.snapshots import load_snapshot, snapshots

IMAGES = 200  # of the test set
POINTS = 32  # of the latent space, at which directions are measured
DIRECTIONS = 8  # that have a slider
DRAWS = 8  # of z, in the bound
TRACES, MOMENTS = 12, 25  # of a model that draws by changing noise
MOST_LATENTS = 512
MOST_SNAPSHOTS = 10
TOLERANCE = 1e-3  # nats


def load_exhibit(run: Run, checkpoint: CheckpointName | None = None) -> dict[str, Any]:
    """The exhibit of a run, see `exhibit`.

    Raises:
        RunError: see `exhibit` and `genlab.runs.reload.load_model`.
        DataError: see `exhibit`.
    """
    with torch.no_grad():
        return exhibit(run, load_model(run, "cpu", checkpoint), short(run.folder), run.checkpoint(checkpoint).name)


def exhibit(run: Run, model: LightningModule, name: str, weights: str) -> dict[str, Any]:
    """Plain data for the page's script.

    Args:
        run: that the model is of.
        model: in evaluation mode, on the CPU.
        name: of the run, as the page says it.
        weights: name of the checkpoint.

    Raises:
        RunError: the model has nothing that the page could show, or a layer that it cannot compute.
        DataError: the test images, which an encoder or a discriminator needs, are not there.
    """
    model = model.requires_grad_(False)
    about = {
        "name": name,
        "model": type(model).__name__,
        "data": str(run.config.data.name),
        "facts": _facts(run, model),
    }
    if isinstance(model, CanTrace):
        return {**about, **_traces(model), "sentences": sentences({}, trace=True)}
    parts = _roles(model)
    shape = _shape(model)
    networks = _networks(model, parts, shape)
    shown = {**about, **_latent_space(run, model, parts, networks, shape)}
    return {**shown, "sentences": sentences(shown), "epochs": _epochs(run, model, networks, weights)}


def _facts(run: Run, model: LightningModule) -> list[list[str]]:
    """(tag, value, unit and protocol) of the numbers of the run folder, measured on test images."""
    protocol = run.summary.get("protocol") or {}
    return [
        [tag, f"{value:.4g}", protocol.get(tag) or quantity_of(model, tag).unit]
        for tag, value in (run.summary.get("metrics") or {}).items()
        if tag.startswith("test/") and value is not None and math.isfinite(value)
    ][:12]


def _roles(model: LightningModule) -> dict[str, Part]:
    """`decoder`, `encoder`, `discriminator` → the part that is one, by what it takes and gives.

    Raises:
        RunError: there is no decoder, or it has as many latents as pixels.
    """
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
        elif part.takes != "z" and part.gives == ("logit",):
            found["discriminator"] = part
    latents = getattr(model, "latent_dim", None)
    if "decoder" not in found or not isinstance(latents, int):
        raise RunError(
            f"{type(model).__name__} has no decoder from a latent space to images, so there is nothing to explore; "
            "genlab sample shows what it draws"
        )
    if latents > MOST_LATENTS:
        raise RunError(f"{type(model).__name__}: {latents} latents are more than the {MOST_LATENTS} of a page")
    return found


def _traces(model: CanTrace) -> dict[str, Any]:
    """Pictures on the way from noise, for a slider over it: the model's network itself stays at home."""
    generator = torch.Generator().manual_seed(0)
    steps = model.trajectory(TRACES, MOMENTS, generator)
    levels = (steps.cpu() * 255).round().to(torch.uint8)
    return {
        "shape": list(levels.shape[2:]),
        "traces": {"n": TRACES, "moments": MOMENTS, "pixels": text(levels.numpy().tobytes())},
    }


def _networks(model: LightningModule, parts: Mapping[str, Part], shape: tuple[int, ...]) -> dict[str, Network]:
    latents = int(model.latent_dim)  # type: ignore[arg-type]
    examples = {"z": torch.zeros(1, latents)}
    return {
        role: network_of(model, role, part, examples.get(part.takes, torch.zeros(1, *shape)))
        for role, part in parts.items()
    }


def _shape(model: Any) -> tuple[int, ...]:
    with torch.no_grad():
        return tuple(model.decode(torch.zeros(1, model.latent_dim)).shape[1:])


def _epochs(run: Run, model: LightningModule, networks: Mapping[str, Network], weights: str) -> list[dict[str, Any]]:
    """The weights of the epochs that were kept before those of the run, and these at the end."""
    best = run.summary.get("best") or {}
    last = best.get("epoch") if weights == "best.ckpt" else run.summary.get("epochs")
    own = {"epoch": last or 0, "label": weights, "bits": BITS, "weights": _packed(networks, BITS)}
    earlier, then = [], copy.deepcopy(model)
    for epoch, path in snapshots(run.folder).items():
        if epoch < own["epoch"]:
            load_snapshot(then, path)
            text = _packed(_networks(then, _roles(then), _shape(then)), SNAPSHOT_BITS)
            earlier.append({"epoch": epoch, "label": "", "bits": SNAPSHOT_BITS, "weights": text})
    return [*earlier[-MOST_SNAPSHOTS:], own]


def _packed(networks: Mapping[str, Network], bits: int) -> str:
    return packed([tensor for network in networks.values() for tensor in network.tensors], bits)


def _latent_space(
    run: Run, model: Any, parts: Mapping[str, Part], networks: Mapping[str, Network], shape: tuple[int, ...]
) -> dict[str, Any]:
    """All but the weights."""
    latents = model.latent_dim
    if shape[0] not in (1, 3):
        raise RunError(f"{type(model).__name__}: images of {shape[0]} channels cannot be shown; 1 or 3 can")
    encoder = parts.get("encoder")
    generator = torch.Generator().manual_seed(0)
    mean, scale, points = torch.zeros(latents), torch.ones(latents), torch.randn(POINTS, latents, generator=generator)
    shown: dict[str, Any] = {}
    binary = bool(encoder) and encoder.takes == "x" and model.pixels in ("binary", "cut")
    if "encoder" in parts or "discriminator" in parts:
        data = load_data(run)
        images, labels = data.test_set.images[:IMAGES], data.test_set.labels[:IMAGES]
        shown |= {
            "images": {"n": len(images), "pixels": text(images.contiguous().numpy().tobytes())},
            "labels": labels.tolist(),
            "classes": list(data.classes),
        }
        if encoder and not isinstance(model, CanSample):  # no prior says where codes should lie
            x = images.float() / 255
            given = encoder.function((x > 0.5).float() if binary else x)
            codes = given if isinstance(given, Tensor) else given[0]
            mean, scale, points = codes.mean(0), codes.std(0).clamp(min=1e-3), codes[:POINTS]
    directions, strengths, effects = principal_directions(parts["decoder"].function, points, scale)  # type: ignore[arg-type]
    first, described = 0, {}
    for role, network in networks.items():
        described[role] = {**network.described, "first": first}
        first += len(network.tensors)
    return {
        **shown,
        "shape": list(shape),
        "latents": latents,
        "prior": isinstance(model, CanSample),
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "effects": effects.tolist(),
        "strengths": strengths[:DIRECTIONS].tolist(),
        "directions": directions[:DIRECTIONS].tolist(),
        "networks": described,
        "shapes": [list(tensor.shape) for network in networks.values() for tensor in network.tensors],
        "binary": binary,
        "bound": _has_bound(model, parts, networks, shape),
        "noise": torch.randn(DRAWS, latents, generator=generator).tolist(),
    }


def _has_bound(model: Any, parts: Mapping[str, Part], networks: Mapping[str, Network], shape: tuple[int, ...]) -> bool:
    """Whether the model's bound is that of a Gaussian q(z|x) and Bernoulli pixels, as the page computes it."""
    encoder = parts.get("encoder")
    if not encoder or encoder.gives != ("mu", "log_var") or not isinstance(model, CanExplain):
        return False
    if not networks["decoder"].ends_in_sigmoid:
        return False
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(2, *shape, generator=generator) < 0.3).float()
    z = torch.randn(3, model.latent_dim, generator=generator)
    logits = torch.logit(model.decode(z).double())
    wanted = pairwise_bernoulli_log_likelihood(logits, x.double())
    return bool(torch.allclose(model.conditional_log_likelihood(x, z).double(), wanted, rtol=TOLERANCE))
