"""Pictures under one slider: of one run over its epochs, and of several runs at equal epochs or equal seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genlab.report.album import Album, Picture
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun
from genlab.report.wording import TITLES, seconds_of, title_of

MOST_EPOCHS = 41  # of one run under its slider
MOST_PICTURES = 280  # of all runs under theirs
SIDE_BY_SIDE = ("samples", "ex_post_samples")  # the second where a model has no prior
POSITIONS = 9  # of a slider over several runs
KINDS = 12  # of one run: genlab has eight


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
    strips = []
    for kind in kinds:
        files = run.pictures[kind]
        chosen = [max((epoch for epoch in files if epoch <= at), default=None) for at in epochs]
        frames = [None if epoch is None else album.add(files[epoch]) for epoch in chosen]
        if any(frames):
            captions = ["not drawn yet" if epoch is None else f"epoch {epoch}" for epoch in chosen]
            strips.append(Strip(title_of(kind), frames, captions))
    return Gallery("", [f"epoch {epoch}" for epoch in epochs], strips) if strips else None


def side_by_side(groups: Sequence[Group], album: Album) -> list[Gallery]:
    """Samples of one run of each group: at equal epochs, and at equal seconds of training."""
    runs = [(group, run) for group in groups if (run := representative(group))]
    with_pictures = [(group, run, kind) for group, run in runs if (kind := _kind(run))]
    without = [
        f"{group.label}: its runs have no pictures of samples"
        for group in groups
        if all(group is not member for member, _, _ in with_pictures)
    ]
    galleries = []
    epochs = spread(sorted({epoch for _, run, kind in with_pictures for epoch in run.pictures[kind]}), POSITIONS)
    strips = [Strip(group.label, *_at_epochs(run.pictures[kind], epochs, album)) for group, run, kind in with_pictures]
    strips = [strip for strip in strips if any(strip.frames)]
    if strips:
        positions = [f"epoch {epoch}" for epoch in epochs]
        galleries.append(Gallery("Samples at equal epochs", positions, strips, tuple(without)))
    timed = [member for member in with_pictures if member[1].curves.times]
    untimed = [
        f"{group.label}: the seconds of its training were not recorded"
        for group, run, _ in with_pictures
        if not run.curves.times
    ]
    if timed:
        longest = max(run.curves.times[-1][1] for _, run, _ in timed)
        moments = [longest * position / (POSITIONS - 1) for position in range(POSITIONS)]
        strips = [Strip(group.label, *_at_seconds(run, kind, moments, album)) for group, run, kind in timed]
        strips = [strip for strip in strips if any(strip.frames)]
        if strips:
            positions = [f"{seconds_of(moment)} of training" for moment in moments]
            galleries.append(Gallery("Samples at equal seconds of training", positions, strips, (*without, *untimed)))
    return galleries


def representative(group: Group) -> ReportedRun | None:
    """The run whose pictures stand for a group: the first finished one, or else the first that has any."""
    return next((run for run in [*group.finished, *group.runs] if run.pictures), None)


def spread(values: Sequence[int], most: int) -> list[int]:
    """So many of them at most, evenly, the first and the last among them."""
    if len(values) <= most:
        return list(values)
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


def _kind(run: ReportedRun) -> str | None:
    return next((kind for kind in SIDE_BY_SIDE if kind in run.pictures), None)


def _at_epochs(files: dict[int, Path], epochs: Sequence[int], album: Album) -> tuple[list[Picture | None], list[str]]:
    last = max(files)
    frames, captions = [], []
    for at in epochs:
        epoch = max((epoch for epoch in files if epoch <= at), default=None)
        frames.append(None if epoch is None else album.add(files[epoch]))
        captions.append(_caption(epoch, ended=at > last))
    return frames, captions


def _at_seconds(
    run: ReportedRun, kind: str, moments: Sequence[float], album: Album
) -> tuple[list[Picture | None], list[str]]:
    files = run.pictures[kind]
    when = {epoch: run.curves.seconds_after(epoch) for epoch in files}
    known = {epoch: seconds for epoch, seconds in when.items() if seconds is not None}
    frames, captions = [], []
    for moment in moments:
        epoch = max((epoch for epoch, seconds in known.items() if seconds <= moment + 1e-6), default=None)
        frames.append(None if epoch is None else album.add(files[epoch]))
        after = "" if epoch is None else f", {seconds_of(known[epoch])}"
        captions.append(_caption(epoch, ended=moment > run.curves.times[-1][1] + 1e-6) + after)
    return frames, captions


def _caption(epoch: int | None, ended: bool) -> str:
    if epoch is None:
        return "no picture yet"
    return f"epoch {epoch}, its last" if ended else f"epoch {epoch}"
