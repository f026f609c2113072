"""Files that tell what a folder is: the job of a sweep, an export; and which of a run's files a sweep may remove."""

from pathlib import Path

SWEEP_FILE = "sweep.json"
CARD, WEIGHTS = "card.json", "weights.safetensors"  # of an export, see `genlab.runs.export`
PICTURES = ".pictures"  # ends the names of event files that hold only pictures


def is_job(folder: Path) -> bool:
    """By the file that a sweep keeps beside the folders of its jobs."""
    return (folder.parent / SWEEP_FILE).exists()


def group_of(folder: Path) -> str | None:
    """Name of the sweep or the search that a run belongs to; None of a run by itself."""
    if is_job(folder):
        return folder.parent.name
    return folder.parent.parent.name if folder.parent.name == "trials" else None
