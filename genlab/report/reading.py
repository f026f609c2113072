"""A run folder → plain data for the page."""

import glob
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from genlab.console.readable import short
from genlab.errors import RunError
from genlab.evaluation.scores import Evaluation
from genlab.quantities import Quantity, is_known, is_sample_score, quantity
from genlab.report.curves import Curves, read_curves
from genlab.report.evaluation import read_evaluation
from genlab.report.plain_values import cleaned, number, plain_value, table, text
from genlab.runs.identity import flat, images_of, result_settings
from genlab.runs.listing import Listed, listed, run_folders
from genlab.runs.pretrained import run_folder
from genlab.runs.reading import read_summary
from genlab.runs.trust import read_yaml

LIMITS = ("limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches", "max_steps", "max_time")


@dataclass(frozen=True)
class ReportedRun:
    """A run, with everything that the page shows of it.

    Attributes:
        listed: status, model, data, seed, settings that were typed, metrics.
        name: the folder, as short as it can be said from here.
        settings: `model.latent_dim` → value of what changes a result, see `genlab.runs.identity`, and of the callbacks.
        images, parameters: fingerprint of the images, and how many numbers training changes; None in runs of earlier
            versions.
        described: name → quantity, of those that the model itself describes.
        warnings, resumed: of summary.json.
        environment: versions, machine and git commit, in words.
        curves: of metrics.csv.
        evaluation: None where the run was not evaluated.
        pictures: kind → epoch → file, as `samples` → {0: …, 40: …}.
        single_pictures: name → file, of those that belong to no epoch.
    """

    listed: Listed
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    images: str | None = None
    parameters: int | None = None
    described: dict[str, Quantity] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)
    evaluation: Evaluation | None = None
    pictures: dict[str, dict[int, Path]] = field(default_factory=dict)
    single_pictures: dict[str, Path] = field(default_factory=dict)

    def quantity(self, tag: str) -> Quantity:
        """As the run's model describes it, or as genlab knows it."""
        return self.described.get(tag.rpartition("/")[2]) or quantity(tag)

    @property
    def sample_score(self) -> str:
        """The name of its Fréchet distance, as `fid_mnist`; empty without one."""
        names = [*(self.evaluation.scores if self.evaluation else ()), *self.curves.values]
        return next((name for tag in names if is_sample_score(name := tag.rpartition("/")[2])), "")

    @property
    def limits(self) -> list[str]:
        """Arguments of the trainer by which it has seen less than all, as `limit_train_batches=100`."""
        said = {name: self.settings.get(f"trainer.{name}") for name in LIMITS}
        return [f"{name}={value}" for name, value in said.items() if value is not None]

    @property
    def broken(self) -> bool:
        return self.listed.status == "broken"


def find_folders(arguments: Sequence[str]) -> list[Path]:
    """The run folders that are named: themselves, or below a folder that is none, as a sweep's; `*` and `**` are open.

    A folder without runs is returned itself, to be listed as broken; of those that a pattern finds it is passed over.

    Raises:
        RunError: nothing of that name exists, or a pattern finds no run.
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        folders = _named(os.path.expanduser(run_folder(argument)))
        if not folders:
            there = (
                "a file, and no folder of a run" if os.path.isfile(os.path.expanduser(argument)) else "no such folder"
            )
            raise RunError(f"{argument or 'no name'}: {there}; genlab runs lists those there are")
        for folder in folders:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _named(given: str) -> list[Path]:
    """What one argument names."""
    if os.path.isdir(given):
        return sorted(run_folders(Path(given)), key=_natural) or [Path(given)]
    matches = sorted(map(Path, glob.glob(given, recursive=True)), key=_natural)
    return [run for match in matches if match.is_dir() for run in sorted(run_folders(match), key=_natural)]


def read_run(folder: Path) -> ReportedRun:
    """Whatever can be read of a folder; one that cannot is `broken`, with the reason."""
    about = _readable(listed(folder))
    run = ReportedRun(about, text(short(folder)))
    if run.broken:
        return run
    try:
        summary = read_summary(folder)
        settings = read_settings(folder / "config.yaml")
        pictures, single = _pictures(folder / "images")
    except (RunError, OSError) as error:
        return ReportedRun(Listed(folder, "broken", reason=text(str(error))), run.name)
    return ReportedRun(
        about,
        run.name,
        settings,
        images_of(summary),
        summary.get("parameters"),
        _described(summary, settings),
        [text(warning) for warning in summary.get("warnings") or []][:100],
        [text(when) for when in summary.get("resumed") or []][:100],
        _environment(summary),
        read_curves(folder),
        read_evaluation(folder),
        pictures,
        single,
    )


def _readable(about: Listed) -> Listed:
    """The same, with texts that a page can show."""
    return replace(
        about,
        reason=about.reason and text(about.reason),
        model=about.model and text(about.model),
        data=about.data and text(about.data),
        headline=about.headline and text(about.headline),
        started=text(about.started),
        overrides=[text(override) for override in about.overrides[:100]],
        value=number(about.value),
        seconds=number(about.seconds),
        metrics={tag: number(value) for tag, value in table(about.metrics).items()},
        protocol={tag: text(said) for tag, said in table(about.protocol).items()},
        estimators={tag: text(said) for tag, said in table(about.estimators).items()},
    )


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of config.yaml; none where there is no file yet. Nothing that it names is built.

    Raises:
        RunError: it cannot be read.
    """
    if not path.exists():
        return {}
    config = read_yaml(path)
    config = config if isinstance(config, dict) else {}
    data = config.get("data")
    sections = {name: config[name] for name in ("seed", "model", "data", "trainer") if name in config}
    flat_settings = result_settings(sections if isinstance(data, dict) else {})
    shown = flat_settings | flat({"callbacks": config.get("callbacks")})
    return {
        text(address): plain_value(value)
        for address, value in shown.items()
        if address == "model._target_" or not address.endswith("_target_")
    }


def _described(summary: dict[str, Any], settings: dict[str, Any]) -> dict[str, Quantity]:
    """By summary.json; of one that nobody describes, the config says which way is better if it chooses the best."""
    described = {}
    monitor, mode = (settings.get(f"callbacks.checkpoints.{name}") for name in ("monitor", "mode"))
    name = str(monitor).rpartition("/")[2]
    if not is_known(name) and mode in ("min", "max"):
        described[name] = Quantity(name, better="higher" if mode == "max" else "lower")
    found = summary.get("quantities")
    for item in found[:100] if isinstance(found, list) else ():
        with suppress(ValidationError):
            one = TypeAdapter(Quantity).validate_python(cleaned(item))
            described[one.name] = one
    return described


def _environment(summary: dict[str, Any]) -> dict[str, str]:
    found = {name: text(version) for name, version in table(summary.get("versions")).items()}
    found["machine"] = text(summary.get("host"))
    found["git commit"] = text(summary.get("git_commit"))
    return {name: said for name, said in found.items() if said}


def _pictures(images: Path) -> tuple[dict[str, dict[int, Path]], dict[str, Path]]:
    """Files alone: links are not followed."""
    by_kind: dict[str, dict[int, Path]] = {}
    single: dict[str, Path] = {}
    for kind in sorted(images.iterdir()) if images.is_dir() and not images.is_symlink() else []:
        if kind.is_symlink():
            continue
        if kind.is_file() and kind.suffix == ".png":
            single[text(kind.stem)] = kind
        elif kind.is_dir():
            epochs = {
                int(name[1]): file
                for file in kind.iterdir()
                if (name := re.fullmatch(r"epoch_(\d{1,7})\.png", file.name)) and _is_plain(file)
            }
            if epochs:
                by_kind[text(kind.name)] = dict(sorted(epochs.items()))
    return by_kind, single


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _natural(folder: Path) -> list[Any]:
    """For an order in which job 10 comes behind job 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(folder))]
