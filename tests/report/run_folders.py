"""Run folders as training and evaluation leave them, drawn here in a moment."""

import json
import math
import random

from PIL import Image

QUANTITIES = {
    "VAE": ("elbo", "reconstruction", "kl"),
    "GAN": ("value", "d_real", "d_fake"),
    "Flow": ("bits_per_dim", "log_likelihood"),
    "Autoencoder": ("reconstruction_error",),
    "Autoregressive": ("nll",),
    "FlowMatching": ("velocity_error",),
}
EVALUATION = {
    "genlab": "0.1.0",
    "checkpoint": "best.ckpt",
    "features": {"name": "a small network", "sha256": "ab" * 32, "test_accuracy": 0.994},
    "scores": {
        "nll": {
            "value": 91.2,
            "standard_error": 0.21,
            "unit": "nats per image",
            "better": "lower",
            "protocol": "binary, drawn once for each image; 5000 importance samples; 10000 test images",
        },
        "fid_mnist": {"value": 3.2, "floor": 0.4, "unit": "", "better": "lower", "protocol": "10000 against 10000"},
        "recall": {"value": 0.71, "unit": "", "better": "higher", "protocol": "10000 against 10000"},
    },
    "absent": {"bits_per_dim": "a likelihood of binary pixels has none"},
    "curves": {
        "nll": {
            "x": "importance samples",
            "unit": "nats per image",
            "protocol": "binary",
            "points": [{"x": 10**i, "value": 98.2 - 2 * i, "standard_error": 0.2} for i in range(4)],
        }
    },
    "classes": {"samples": [980 + 10 * i for i in range(10)], "test": [1000] * 10},
    "memorisation": {"pixels": {"samples": 4.1, "test": 4.5}, "verdict": "no sign of it"},
    "pictures": {"closest_pairs": "images/closest_pairs.png"},
    "cost": {"parameters": 815824, "training_seconds": 172.0, "samples_per_second": 20000.0},
}


def evaluation(**scores):
    """An evaluation.json with these values of scores: evaluation(fid_mnist=3.0)."""
    content = json.loads(json.dumps(EVALUATION))
    for name, value in scores.items():
        content["scores"].setdefault(name, {"better": "lower", "protocol": "stated"})["value"] = value
    return content


def over_evaluations(*points, space="mnist", protocol="1000 samples against 10000 test images"):
    """An evaluation.json with the quality of samples at these (evaluations of the network, score)."""
    curve = {"x": "evaluations of the network", "unit": "", "protocol": protocol}
    curve["points"] = [{"x": x, "value": value} for x, value in points]
    return EVALUATION | {"curves": {f"fid_{space}": curve}}


def write_run(
    folder,
    model="VAE",
    data="mnist",
    seed=0,
    status="finished",
    epochs=3,
    settings=None,
    overrides=(),
    metrics=None,
    fid=None,
    seconds_per_epoch=10.0,
    kinds=("samples",),
    size=24,
    evaluated=None,
    rows=True,
    **summary,
):
    """A run folder.

    Args:
        settings: of `model` in config.yaml.
        fid: the column val/fid_mnist, a value an epoch.
        seconds_per_epoch: None: no times.csv.
        kinds: of pictures; `size` in pixels.
        evaluated: content of evaluation.json.
        rows: whether there is a metrics.csv.
        summary: more of summary.json.
    """
    folder.mkdir(parents=True)
    quantities = QUANTITIES[model]
    final = {f"test/{name}": -98.0 + seed for name in quantities} if metrics is None else metrics
    protocol = {f"{split}/{name}": "as the model says" for split in ("val", "test") for name in quantities}
    content = {
        "status": status,
        "model": model,
        "data": data,
        "seed": seed,
        "headline": quantities[0],
        "metrics": final if status == "finished" else {},
        "protocol": protocol if status == "finished" else {},
        "warnings": [],
        "started": f"2026-01-01T00:00:{seed % 60:02d}+00:00",
        "seconds": 12.0 + seed,
        "epochs": epochs,
        "versions": {"genlab": "0.1.0", "torch": "2.9"},
    }
    (folder / "summary.json").write_text(json.dumps(content | summary))
    lines = [f"seed: {seed}", "model:", f"  _target_: genlab.models.{model}"]
    lines += [f"  {key}: {value}" for key, value in (settings or {}).items()]
    lines += ["data:", f"  name: {data}", f"  seed: {seed}", "trainer:", f"  max_epochs: {epochs}"]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")
    (folder / "overrides.yaml").write_text(json.dumps(list(overrides)))
    if rows:
        write_metrics(folder, quantities, epochs, seed, fid)
    if seconds_per_epoch is not None:
        times = [f"{epoch},{100 * (epoch + 1)},{seconds_per_epoch * (epoch + 1)}" for epoch in range(epochs)]
        (folder / "times.csv").write_text("\n".join(["epoch,step,seconds", *times]) + "\n")
    for kind in kinds:
        for epoch in range(epochs + 1):
            draw_picture(folder / "images" / kind / f"epoch_{epoch:04d}.png", size, 1000 * seed + epoch)
    if evaluated is not None:
        (folder / "evaluation.json").write_text(json.dumps(evaluated))
        draw_picture(folder / "images" / "closest_pairs.png", size, seed)
    return folder


def write_metrics(folder, quantities, epochs, seed, fid):
    """A row each ten batches, 100 batches an epoch, and one of validation at its end."""
    names = [f"{split}/{name}" for split in ("train", "val") for name in quantities] + (
        ["val/fid_mnist"] if fid else []
    )
    lines = [",".join(["step", "epoch", *names])]
    blank = "," * len(quantities)
    for step in range(10, 100 * epochs + 1, 10):
        epoch = (step - 1) // 100
        values = ",".join(str(-98 + seed - 100 / math.sqrt(step) + index) for index, _ in enumerate(quantities))
        lines.append(f"{step},{epoch}.0,{values}{blank}" + ("," if fid else ""))
        if step % 100 == 0:
            lines.append(f"{step},{epoch}.0{blank},{values}" + (f",{fid[epoch]}" if fid else ""))
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")


def draw_picture(path, size, seed):
    """Grey noise, each pixel as four."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = size // 2
    noise = Image.frombytes("L", (half, half), random.Random(seed).randbytes(half * half))
    noise.resize((size, size), Image.Resampling.NEAREST).convert("RGB").save(path)
