"""A run folder as an object: numbers, curves, pictures, the model."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import ValidationError
from pytorch_lightning import LightningModule

from genlab.arguments import explain
from genlab.cli.python.isolation import untouched
from genlab.cli.python.page import page
from genlab.console.program import keep_quiet
from genlab.console.readable import allowed
from genlab.errors import ConfigError, RunError
from genlab.runs import reading
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.metrics import FILE, read_rows
from genlab.runs.reload import load_data, load_model, load_settings
from genlab.training.scoring import evaluate_run


class Run(reading.Run):
    """A run that has been trained. In a notebook it shows its last picture, its curve and its numbers.

    Attributes:
        folder: its folder.
        config: what was run.
        summary: what `summary.json` holds: status, versions, seconds, …
    """

    @property
    def metrics(self) -> dict[str, float]:
        """The final numbers, `{"test/elbo": -98.27, …}`; NaN where one was not finite."""
        found = self.summary.get("metrics") or {}
        return {name: math.nan if value is None else value for name, value in found.items()}

    @cached_property
    def model(self) -> LightningModule:
        """See `genlab.load`."""
        return load_model(self)

    def history(self) -> dict[str, list[float]]:
        """Return the columns of `metrics.csv`, `{"step": […], "train/elbo": […], …}`, NaN where a row has no value.

        `pandas.DataFrame(run.history())` makes a table of it.

        Raises:
            RunError: the file is damaged.
        """
        names, *rows = [*read_rows(self.folder)] or [[]]
        try:
            return {name: [_number(row[place]) for row in rows] for place, name in enumerate(names)}
        except ValueError as error:
            raise RunError(f"{self.folder / FILE}: damaged ({error}); restore it from a copy") from None

    def pictures(self, name: str) -> list[Image.Image]:
        """Return the pictures of one kind, as `"samples"`, in their order: the first is that of epoch 0.

        Raises:
            RunError: the run has none of this name.
        """
        files = self._pictures()
        if name not in files:
            raise RunError(f"{name}: {self.folder} has no such pictures; {allowed(name, files)}")
        return [_opened(path) for path in files[name]]

    def evaluate(self, device: str = "cpu", **settings: Any) -> dict[str, Any]:
        """Measure the model on the test images as `genlab evaluate` does, write `evaluation.json`, return its content.

        Args:
            device: for the model.
            settings: other than the run's own: `samples`, `images`, `likelihood_images`, …; see
                `genlab.evaluation.settings.EvaluationSettings`.

        Raises:
            ConfigError: a setting that does not exist, or a value that is refused.
            GenlabError: see `genlab.load`; or the data are not there.
        """
        with untouched():
            keep_quiet()
            model, weights = load_model(self, device), self.checkpoint().name
            chosen = load_settings(self)
            for name in settings:
                if name not in vars(chosen):
                    raise ConfigError(f"{name}: no setting of an evaluation; {allowed(name, vars(chosen))}")
            try:
                chosen = replace(chosen, **settings)
            except ValidationError as error:
                raise ConfigError(explain(error)) from None
            return evaluate_run(self.folder, model, load_data(self), weights, self.summary, chosen)

    def _pictures(self) -> dict[str, list[Path]]:
        images = self.folder / "images"
        files = {path.stem: [path] for path in sorted(images.glob("*.png"))}
        return files | {path.parent.name: sorted(path.parent.glob("*.png")) for path in images.glob("*/*.png")}

    def _repr_html_(self) -> str:
        files = self._pictures()
        shown = next((files[name][-1] for name in ("samples", "reconstructions", *files) if name in files), None)
        return page(self, self.history(), shown)


def load_run(folder: str | Path, trust: Sequence[str] = ()) -> Run:
    """Return the run in a folder; reading it executes nothing that came with it.

    Args:
        folder: of the run.
        trust: packages whose classes the config may name besides those of genlab, as `("my_models",)`.

    Raises:
        RunError: it is no run folder, or one that is damaged or not to be trusted.
    """
    run = reading.open_run(folder, MODEL_SECTIONS, trust)
    return Run(run.folder, run.config, run.summary)


def _number(cell: str) -> float:
    return int(cell) if cell.isdigit() else float(cell or math.nan)


def _opened(path: Path) -> Image.Image:
    """Raises RunError."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it from a copy") from None
