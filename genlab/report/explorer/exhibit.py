"""What the page holds of one run: its networks, its latent space, test images, numbers."""

import copy
import math
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from genlab.capabilities import CanExplain, CanSample, CanTrace, quantity_of
from genlab.console.readable import short
from genlab.objectives import pairwise_bernoulli_log_likelihood
from genlab.report.explorer import BITS, SNAPSHOT_BITS
from genlab.report.explorer.computed import Computed
from genlab.report.explorer.directions import principal_directions
from genlab.report.explorer.packing import packed, text
from genlab.report.explorer.words import sentences
from genlab.runs.reading import CheckpointName, Run
from genlab.runs.reload import load_data, load_model
from genlab.runs.snapshots import load_snapshot, snapshots

IMAGES = 200  # of the test set
POINTS = 32  # of the latent space, at which directions are measured
DIRECTIONS = 8  # that have a slider
DRAWS = 8  # of z, in the bound
TRACES, MOMENTS = 12, 25  # of a model that draws by changing noise
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
        return {**about, **_traces(model), "sentences": sentences({}, model.way[1])}
    computed = Computed(model)
    shown = {
        **about,
        **_latent_space(run, computed),
        "networks": computed.described(),
        "shapes": [list(tensor.shape) for tensor in computed.tensors(computed.numbers)],
    }
    return {**shown, "sentences": sentences(shown), "epochs": _epochs(run, computed, weights)}


def _facts(run: Run, model: LightningModule) -> list[list[str]]:
    """(tag, value, unit and protocol) of the numbers of the run folder, measured on test images."""
    protocol = run.summary.get("protocol") or {}
    return [
        [tag, f"{value:.4g}", protocol.get(tag) or quantity_of(model, tag).unit]
        for tag, value in (run.summary.get("metrics") or {}).items()
        if tag.startswith("test/") and value is not None and math.isfinite(value)
    ][:12]


def _traces(model: CanTrace) -> dict[str, Any]:
    """Pictures on the way from noise, for a slider over it: the model's network itself stays at home."""
    generator = torch.Generator().manual_seed(0)
    steps = model.trajectory(TRACES, MOMENTS, generator)
    levels = (steps.cpu() * 255).round().to(torch.uint8)
    return {
        "shape": list(levels.shape[2:]),
        "traces": {"n": TRACES, "moments": MOMENTS, "axis": model.way[0], "pixels": text(levels.numpy().tobytes())},
    }


def _epochs(run: Run, computed: Computed, checkpoint: str) -> list[dict[str, Any]]:
    """The weights of the epochs that were kept before those of the run, and these at the end."""
    best = run.summary.get("best")
    chosen = best.get("epoch") if checkpoint == "best.ckpt" and isinstance(best, dict) else run.summary.get("epochs")
    last = chosen if isinstance(chosen, int) else 0
    own = {"epoch": last, "bits": BITS, "weights": packed(computed.tensors(computed.numbers), BITS)}
    earlier = []
    for epoch, path in snapshots(run.folder).items():
        if epoch < last:
            then = copy.deepcopy(computed.model)
            load_snapshot(then, path)
            weights = packed(Computed(then).tensors(computed.numbers), SNAPSHOT_BITS)
            earlier.append({"epoch": epoch, "bits": SNAPSHOT_BITS, "weights": weights})
    return [*earlier[-MOST_SNAPSHOTS:], own]


def _latent_space(run: Run, computed: Computed) -> dict[str, Any]:
    """All but the networks."""
    model, encoder = computed.model, computed.parts.get("encoder")
    latents, prior = model.latent_dim, isinstance(model, CanSample)
    generator = torch.Generator().manual_seed(0)
    mean, scale, points = torch.zeros(latents), torch.ones(latents), torch.randn(POINTS, latents, generator=generator)
    shown: dict[str, Any] = {
        "binary": encoder is not None and encoder.takes == "x" and model.pixels in ("binary", "cut")
    }
    if len(computed.parts) > 1:  # something looks at images
        data = load_data(run)
        images = data.test_set.images[:IMAGES]
        shown["images"] = {"n": len(images), "pixels": text(images.contiguous().numpy().tobytes())}
        shown |= {"labels": data.test_set.labels[:IMAGES].tolist(), "classes": list(data.classes)}
        if encoder and not prior:  # nothing but the codes says where codes lie
            grey = images.float() / 255
            given = encoder.function((grey > 0.5).float() if shown["binary"] else grey)
            codes = given if isinstance(given, Tensor) else given[0]
            mean, scale, points = codes.mean(0), codes.std(0).clamp(min=1e-3), codes[:POINTS]
    decoders = [computed.function("decoder", label) for label in computed.labels]
    directions, strengths, effects = principal_directions(decoders, points, scale)
    return {
        **shown,
        "shape": list(computed.shape),
        "latents": latents,
        "prior": prior,
        "shares": None if computed.labels == [None] else model.label_prior.tolist(),
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "effects": effects.tolist(),
        "strengths": strengths[:DIRECTIONS].tolist(),
        "directions": directions[:DIRECTIONS].tolist(),
        "bound": _has_bound(computed),
        "noise": torch.randn(DRAWS, latents, generator=generator).tolist(),
    }


def _has_bound(computed: Computed) -> bool:
    """Whether the model's bound is that of a Gaussian q(z|x) and Bernoulli pixels, as the page computes it."""
    model, encoder = computed.model, computed.parts.get("encoder")
    gaussian, bernoulli = encoder and encoder.gives == ("mu", "log_var"), computed.networks["decoder"]
    if not gaussian or not isinstance(model, CanExplain) or not all(each.ends_in_sigmoid for each in bernoulli):
        return False
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(2, *computed.shape, generator=generator) < 0.3).float()
    z = torch.randn(3, model.latent_dim, generator=generator)
    logits = [torch.logit(computed.function("decoder", label)(z).double()) for label in computed.labels]
    of_each_label = torch.stack([pairwise_bernoulli_log_likelihood(some, x.double()) for some in logits], dim=-1)
    shares = torch.ones(1) if computed.labels == [None] else computed.model.label_prior
    wanted = (of_each_label + shares.log()).logsumexp(-1)
    return bool(torch.allclose(model.conditional_log_likelihood(x, z).double(), wanted, rtol=TOLERANCE))
