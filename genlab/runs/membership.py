"""Whether a run is a job of a sweep."""

from pathlib import Path

SWEEP_FILE = "sweep.json"


def is_job(folder: Path) -> bool:
    """By the file that a sweep keeps beside the folders of its jobs."""
    return (folder.parent / SWEEP_FILE).exists()
