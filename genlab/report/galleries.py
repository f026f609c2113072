"""Pictures under one slider: of one run over its epochs, and of several runs at equal epochs or equal seconds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genlab.report.album import Album, Picture
from genlab.report.charts import spread
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun
from genlab.report.wording import TITLES, seconds_of, title_of

MOST_EPOCHS = 41  # of one run under its slider
MOST_PICTURES = 280  # of all runs under theirs
SIDE_BY_SIDE = ("samples", "ex_post_samples")  # the second where a model has no prior
POSITIONS = 9  # of a slider over several runs
KINDS = 14  # of one run: genlab has ten
NEARLY = 1e-6  # of a second, by which a sum of parts may differ


@dataclass(frozen=True)
class Strip:
    """One place in a gallery, whose picture the slider changes.

    Attributes:
        title: above it.
        frames: a picture for each position of the slider, or None where there is none.
        captions: below it, one for each position.
    """

    title: str
    frames: list[Picture | None]
    captions: list[str]

    @property
    def first(self) -> Picture | None:
        """What is shown before the slider is moved, which then stands at its end."""
        return self.frames[-1]


@dataclass(frozen=True)
class Gallery:
    """Strips under one slider.

    Attributes:
        title: above; may be empty.
        positions: what the slider says at each position.
        strips: at least one.
        absent: sentences on runs that have no such pictures.
    """

    title: str
    positions: list[str]
    strips: list[Strip]
    absent: tuple[str, ...] = ()


def gallery_of_run(run: ReportedRun, album: Album, most: int) -> Gallery | None:
    """All kinds of pictures of a run over its epochs, so many of these at most."""
    order = {kind: place for place, kind in enumerate(TITLES)}
    kinds = sorted(run.pictures, key=lambda kind: (order.get(kind, len(order)), kind))[:KINDS]
    epochs = spread(sorted({epoch for kind in kinds for epoch in run.pictures[kind]}), most)
    strips = [
        _strip(title_of(kind), run.pictures[kind], {epoch: epoch for epoch in run.pictures[kind]}, epochs, album)
        for kind in kinds
    ]
    return _gallery("", [f"epoch {epoch}" for epoch in epochs], strips)


def side_by_side(groups: Sequence[Group], album: Album) -> list[Gallery]:
    """Samples of one run of each group: at equal epochs, and at equal seconds of training."""
    members = [(group, run, kind) for group in groups if (run := representative(group)) and (kind := _kind(run))]
    pictured = [group for group, _, _ in members]
    without = [f"{group.label}: its runs have no pictures of samples" for group in groups if group not in pictured]
    untimed = [
        f"{group.label}: the seconds of its training were not recorded"
        for group, run, _ in members
        if not run.curves.times
    ]
    epochs = spread(sorted({epoch for _, run, kind in members for epoch in run.pictures[kind]}), POSITIONS)
    longest = max((run.curves.times[-1][1] for _, run, _ in members if run.curves.times), default=0.0)
    moments = [longest * position / (POSITIONS - 1) for position in range(POSITIONS)]
    by_epochs, by_seconds = [], []
    for group, run, kind in members:
        files = run.pictures[kind]
        own = {epoch: epoch for epoch in files}
        by_epochs.append(_strip(group.label, files, own, epochs, album, end=max(files)))
        if run.curves.times:
            seconds = {epoch: at for epoch in files if (at := run.curves.seconds_after(epoch)) is not None}
            end = run.curves.times[-1][1]
            by_seconds.append(
                _strip(group.label, files, seconds, moments, album, end, lambda at: f", {seconds_of(at)}")
            )
    galleries = [
        _gallery("Samples at equal epochs", [f"epoch {epoch}" for epoch in epochs], by_epochs, without),
        _gallery(
            "Samples at equal seconds of training",
            [f"{seconds_of(moment)} of training" for moment in moments],
            by_seconds,
            [*without, *untimed],
        ),
    ]
    return [one for one in galleries if one]


def representative(group: Group) -> ReportedRun | None:
    """The run whose pictures stand for a group: the first finished one, or else the first that has any."""
    return next((run for run in [*group.finished, *group.runs] if run.pictures), None)


def _kind(run: ReportedRun) -> str | None:
    return next((kind for kind in SIDE_BY_SIDE if kind in run.pictures), None)


def _gallery(title: str, positions: list[str], strips: Sequence[Strip], absent: Sequence[str] = ()) -> Gallery | None:
    with_frames = [strip for strip in strips if any(strip.frames)]
    return Gallery(title, positions, with_frames, tuple(absent)) if with_frames else None


def _strip(
    title: str,
    files: Mapping[int, Path],
    when: Mapping[int, float],
    positions: Sequence[float],
    album: Album,
    end: float = math.inf,
    more: Callable[[float], str] = lambda at: "",
) -> Strip:
    """The latest picture at each position of the slider.

    Args:
        title: above it.
        files: epoch → picture.
        when: epoch → its place on the slider's scale; an epoch without one is not shown.
        positions: of the slider.
        album: for the pictures.
        end: of the run, on the scale.
        more: what the caption says of a picture's place.
    """
    frames, captions = [], []
    for at in positions:
        epoch = max((epoch for epoch, place in when.items() if place <= at + NEARLY), default=None)
        last = ", its last" if at > end + NEARLY else ""
        frames.append(None if epoch is None else album.add(files[epoch]))
        captions.append("no picture yet" if epoch is None else f"epoch {epoch}{last}{more(when[epoch])}")
    return Strip(title, frames, captions)
