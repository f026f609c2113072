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
    """One place in a gallery, whose picture the slider changes; a frame and a caption for each of its positions."""

    title: str
    frames: list[Picture | None]
    captions: list[str]


@dataclass(frozen=True)
class Gallery:
    """Strips under one slider."""

    title: str  # may be empty
    positions: list[str]  # what the slider says at each
    strips: list[Strip]  # at least one
    absent: tuple[str, ...] = ()  # sentences on runs that have no such pictures


def gallery_of_run(run: ReportedRun, album: Album, most: int) -> Gallery | None:
    """All kinds of pictures of a run over its epochs, so many of these at most."""
    order = {kind: place for place, kind in enumerate(TITLES)}
    kinds = sorted(run.pictures, key=lambda kind: (order.get(kind, len(order)), kind))[:KINDS]
    epochs = spread(sorted({epoch for kind in kinds for epoch in run.pictures[kind]}), most)
    strips = [_strip(title_of(kind), run.pictures[kind], float, epochs, album) for kind in kinds]
    return _gallery("", [f"epoch {epoch}" for epoch in epochs], strips)


def side_by_side(groups: Sequence[Group], album: Album) -> list[Gallery]:
    """Samples of one run of each group: at equal epochs, and at equal seconds of training.

    It is the first finished run that has pictures, or else the first that has any.
    """
    shown: dict[Group, tuple[ReportedRun, dict[int, Path]]] = {}
    for group in groups:
        run = next((run for run in [*group.finished, *group.runs] if run.pictures), None)
        kinds = [kind for kind in SIDE_BY_SIDE if run and kind in run.pictures]
        if run and kinds:
            shown[group] = run, run.pictures[kinds[0]]
    ends = {group: run.curves.times[-1][1] for group, (run, _) in shown.items() if run.curves.times}
    without = [f"{group.label}: its runs have no pictures of samples" for group in groups if group not in shown]
    untimed = [f"{group.label}: the seconds of its training were not recorded" for group in shown if group not in ends]
    epochs = spread(sorted({epoch for _, files in shown.values() for epoch in files}), POSITIONS)
    moments = [max(ends.values(), default=0.0) * position / (POSITIONS - 1) for position in range(POSITIONS)]
    by_epochs = [
        _strip(group.label, files, float, epochs, album, end=max(files)) for group, (_, files) in shown.items()
    ]
    by_seconds = [
        _strip(group.label, files, run.curves.seconds_after, moments, album, ends[group], seconds_of)
        for group, (run, files) in shown.items()
        if group in ends
    ]
    over_seconds = [f"{seconds_of(moment)} of training" for moment in moments]
    galleries = [
        _gallery("Samples at equal epochs", [f"epoch {epoch}" for epoch in epochs], by_epochs, without),
        _gallery("Samples at equal seconds of training", over_seconds, by_seconds, [*without, *untimed]),
    ]
    return [one for one in galleries if one]


def _gallery(title: str, positions: list[str], strips: Sequence[Strip], absent: Sequence[str] = ()) -> Gallery | None:
    with_frames = [strip for strip in strips if any(strip.frames)]
    return Gallery(title, positions, with_frames, tuple(absent)) if with_frames else None


def _strip(
    title: str,
    files: Mapping[int, Path],
    when: Callable[[int], float | None],
    positions: Sequence[float],
    album: Album,
    end: float = math.inf,
    words: Callable[[float], str] | None = None,
) -> Strip:
    """The latest picture at each position of the slider; its caption says where it lies, in `words`.

    `when` places an epoch on the slider's scale, or nowhere: then it is not shown. `end` is that of the run, on it.
    """
    places = {epoch: place for epoch in files if (place := when(epoch)) is not None}
    frames: list[Picture | None] = []
    captions = []
    for at in positions:
        epoch = max((epoch for epoch, place in places.items() if place <= at + NEARLY), default=None)
        if epoch is None:
            frames.append(None)
            captions.append("no picture yet")
        else:
            frames.append(album.add(files[epoch]))
            last = ", its last" if at > end + NEARLY else ""
            captions.append(f"epoch {epoch}{last}" + (f", {words(places[epoch])}" if words else ""))
    return Strip(title, frames, captions)
