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
from genlab.report.plain_values import cleaned, plain_value, table, text
from genlab.runs.identity import flat, images_of, result_settings
from genlab.runs.listing import Listed, listed, run_folders
from genlab.runs.pretrained import run_folder
from genlab.runs.reading import read_summary
from genlab.runs.trust import read_yaml

LIMITS = ("limit_train_batches", "limit_val_batches", "limit_test_batches", "overfit_batches", "max_steps", "max_time")


@dataclass(frozen=True)
class ReportedRun:
    """A run, with everything that the page shows of it."""

    listed: Listed  # status, model, data, seed, settings that were typed, metrics
    name: str  # the folder, as short as it can be said from here
    settings: dict[str, Any] = field(default_factory=dict)  # address → value of what changes a result; of callbacks too
    images: str | None = None  # their fingerprint; None in runs of earlier versions
    parameters: int | None = None  # how many numbers training changes; None in runs of earlier versions
    described: dict[str, Quantity] = field(default_factory=dict)  # by the model itself, by name
    warnings: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)  # when
    environment: dict[str, str] = field(default_factory=dict)  # versions, machine and git commit, in words
    curves: Curves = field(default_factory=Curves)
    evaluation: Evaluation | None = None  # None where the run was not evaluated
    pictures: dict[str, dict[int, Path]] = field(default_factory=dict)  # kind → epoch → file
    single_pictures: dict[str, Path] = field(default_factory=dict)  # name → file, of those that belong to no epoch

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
            is_file = os.path.isfile(os.path.expanduser(argument))
            there = "a file, and no folder of a run" if is_file else "no such folder"
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
    name = text(short(folder))
    try:
        about = listed(folder)
        about = replace(about, **{key: cleaned(item) for key, item in vars(about).items() if key != "folder"})
        if about.status == "broken":
            return ReportedRun(about, name)
        summary = cleaned(read_summary(folder))
        settings = _settings(folder / "config.yaml")
        return ReportedRun(
            about,
            name,
            settings,
            images_of(summary),
            summary.get("parameters"),
            _described(summary, settings),
            summary.get("warnings") or [],
            summary.get("resumed") or [],
            _environment(summary),
            read_curves(folder),
            read_evaluation(folder),
            *_pictures(folder / "images"),
        )
    except (RunError, OSError, RecursionError) as error:
        return ReportedRun(Listed(folder, "broken", reason=text(str(error))), name)


def _settings(path: Path) -> dict[str, Any]:
    """The settings of config.yaml; none where there is no file yet. Nothing that it names is built."""
    config = read_yaml(path) if path.exists() else {}
    config = config if isinstance(config, dict) else {}
    sections = {name: config[name] for name in ("seed", "model", "data", "trainer") if name in config}
    found = result_settings(sections) if isinstance(config.get("data"), dict) else {}
    return {
        text(address): plain_value(value)
        for address, value in (found | flat({"callbacks": config.get("callbacks")})).items()
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
    for item in found if isinstance(found, list) else ():
        with suppress(ValidationError):
            one = TypeAdapter(Quantity).validate_python(item)
            described[one.name] = one
    return described


def _environment(summary: dict[str, Any]) -> dict[str, str]:
    found = {**table(summary.get("versions")), "machine": summary.get("host"), "git commit": summary.get("git_commit")}
    return {name: said for name, value in found.items() if (said := text(value))}


def _pictures(images: Path) -> tuple[dict[str, dict[int, Path]], dict[str, Path]]:
    """By kind and epoch, and those of no epoch; files only: links are not followed."""
    of_epochs: dict[str, dict[int, Path]] = {}
    for file in _files(images, "*/epoch_*.png"):
        if epoch := re.fullmatch(r"epoch_(\d{1,7})", file.stem):
            of_epochs.setdefault(text(file.parent.name), {})[int(epoch[1])] = file
    by_kind = {kind: dict(sorted(files.items())) for kind, files in of_epochs.items()}
    return by_kind, {text(file.stem): file for file in _files(images, "*.png")}


def _files(images: Path, pattern: str) -> list[Path]:
    found = sorted(images.glob(pattern))
    return [file for file in found if file.is_file() and not any(p.is_symlink() for p in (images, file.parent, file))]


def _natural(folder: Path) -> list[Any]:
    """For an order in which job 10 comes behind job 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(folder))]
