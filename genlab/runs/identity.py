"""Which runs are one run, which repeat one another with other seeds, and in which settings runs differ."""

import hashlib
import json
import os
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

# Where a run lies, how its images are fetched and what follows from them: no number depends on it
PLACES = (
    *("outputs", "run_dir", "sweep", "data.num_workers", "data.on_device", "trainer.compile"),
    *("model.image_shape", "model.num_classes"),
)
# What is drawn, counted and printed, how often, and on which device: the training is the same. What chooses the best
# checkpoint is not aside
ASIDE = (
    *("callbacks", "logger", "evaluate", "evaluate_every", "evaluation", "data.eval_batch_size"),
    *("trainer.accelerator", "trainer.log_every_n_steps", "trainer.default_root_dir", "trainer.profiler"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.enable_autolog_hparams"),
)
CHOOSES = ("callbacks.checkpoints",)
SEEDS = ("seed", "data.seed")
IMAGES = "data.images"  # stands in for data.root where the images themselves are known
NOT_SET = "not set"


def fingerprint(config: Mapping[str, Any], images: str | None = None) -> str:
    """A resolved config → 16 hexadecimal digits: two configs with one fingerprint would train the same run.

    It is the same for `beta: 1` and `beta: 1.0`, and in any order of keys. Other images are another run: without their
    own fingerprint, see `images_of`, `data.root` stands for them, as an absolute path.
    """
    counted = _without(config, PLACES)
    if counted.get("data", {}).get("root") is not None:
        counted["data"]["root"] = os.path.abspath(os.path.expanduser(counted["data"]["root"]))
    if images is not None:
        counted["data"] = {**counted.get("data", {}), "root": None, "images": images}
    return hashlib.sha256(canonical(counted).encode()).hexdigest()[:16]


def result_settings(config: Mapping[str, Any], images: str | None = None) -> dict[str, Any]:
    """Address → value of everything that changes a result, but for the seed: repetitions agree in all of it."""
    settings = {address: value for address, value in flat(without_seed(config)).items() if changes_result(address)}
    settings = {address: value for address, value in settings.items() if address not in SEEDS or value is not None}
    if images is not None:
        settings.pop("data.root", None)
        settings[IMAGES] = images
    return settings


def without_seed(config: Mapping[str, Any]) -> dict[str, Any]:
    """What repetitions of a run share: the seed is None, and so is that of the data where it is the same."""
    data = config.get("data", {})
    seeds = {"seed": None} if data.get("seed") == config.get("seed") else {}
    return {**config, "seed": None, "data": {**data, **seeds}}


def changes_result(address: str) -> bool:
    """Whether a setting can change the weights, or which of them are the best."""
    return _below(address, CHOOSES) or not _below(address, (*PLACES, *ASIDE))


def images_of(summary: Mapping[str, Any]) -> str | None:
    """Fingerprint of the images that a run was trained on; None in summaries of earlier versions."""
    images = summary.get("images")
    found = images.get("fingerprint") if isinstance(images, Mapping) else None
    return found if isinstance(found, str) and re.fullmatch("[0-9a-f]{16}", found) else None


def varying(runs: Sequence[Mapping[str, Any]], among_owners: bool = False) -> list[str]:
    """The settings that do not have the same value in all runs, in the order in which they come.

    A setting that a run lacks is another value, or `among_owners` is ignored.
    """
    names = dict.fromkeys(name for settings in runs for name in settings)
    return [
        name for name in names if len({_value_of(run, name) for run in runs if name in run or not among_owners}) > 1
    ]


def short_names(addresses: Sequence[str]) -> dict[str, str]:
    """`model.latent_dim` → `latent_dim`, where no other address ends so."""
    ends = [address.rpartition(".")[2] for address in addresses]
    return {address: end if ends.count(end) == 1 else address for address, end in zip(addresses, ends, strict=True)}


def flat(config: Mapping[str, Any], parent: str = "") -> dict[str, Any]:
    """`{"model": {"latent_dim": 20}}` → `{"model.latent_dim": 20}`; a list is one value."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        address = f"{parent}.{name}" if parent else str(name)
        found |= flat(value, address) if isinstance(value, Mapping) and value else {address: value}
    return found


def canonical(value: Any) -> str:
    """One text for equal values: 1 and 1.0, and tables in any order of keys."""
    return json.dumps(_with_floats(value), sort_keys=True, default=str)


def repetitions(runs: Sequence[Mapping[str, Any]], ignored: Sequence[str] = ()) -> tuple[list[str], list[list[int]]]:
    """Return which settings vary, without the `ignored`, and the runs' positions for each combination of their values.

    Both are in the order in which they come. A setting that a run lacks is a value of its own.
    """
    names = [name for name in varying(runs) if name not in ignored]
    alike: dict[tuple[str | None, ...], list[int]] = {}
    for position, run in enumerate(runs):
        alike.setdefault(tuple(_value_of(run, name) for name in names), []).append(position)
    return names, list(alike.values())


def once_each(identities: Sequence[Hashable], ages: Sequence[Any] | None = None) -> list[int]:
    """Positions of the runs that count: of several with one identity the last, or the one with the greatest age.

    A run that was trained twice has one result. Counted as a second seed, it would make the spread too small. What is
    one run is told by its fingerprint, or by its seed within a group.
    """
    chosen: dict[Hashable, int] = {}
    for position, identity in enumerate(identities):
        known = chosen.get(identity)
        if known is None or ages is None or ages[position] >= ages[known]:
            chosen[identity] = position
    return list(chosen.values())


def _value_of(run: Mapping[str, Any], name: str) -> str | None:
    return canonical(run[name]) if name in run else None


def _below(address: str, names: Sequence[str]) -> bool:
    return any(address == name or address.startswith(f"{name}.") for name in names)


def _without(config: Mapping[str, Any], addresses: Sequence[str], parent: str = "") -> dict[str, Any]:
    return {
        name: _without(value, addresses, f"{parent}{name}.") if isinstance(value, Mapping) else value
        for name, value in config.items()
        if f"{parent}{name}" not in addresses
    }


def _with_floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_floats(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**53 else hex(value)  # a larger one has no float of its own
    return value
