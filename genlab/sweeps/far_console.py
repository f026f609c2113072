"""What jobs in processes of a cluster say to the console of the command: through files in the sweep's folder.

Ray itself would show it with a prefix, what repeats only once, and the last lines after the table.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

FOLDER = ".console"


@contextmanager
def speaking(sweep: Path, number: int) -> Iterator[None]:
    """In the job: lines that are printed go to the command's console."""
    out, err = _files(sweep, number)
    with (
        out.open("a", buffering=1, encoding="utf-8") as lines,
        err.open("a", buffering=1, encoding="utf-8") as errors,
        redirect_stdout(lines),
        redirect_stderr(errors),
    ):
        yield


class Listener:
    """In the command: a context around the jobs.

    Args:
        sweep: its folder.
    """

    def __init__(self, sweep: Path) -> None:
        self.sweep = sweep
        self._told: dict[Path, int] = {}  # bytes of each file

    def __enter__(self) -> "Listener":
        shutil.rmtree(self.sweep / FOLDER, ignore_errors=True)  # of a command that was killed
        (self.sweep / FOLDER).mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        self.tell()
        shutil.rmtree(self.sweep / FOLDER, ignore_errors=True)

    def tell(self) -> None:
        """Print what is new."""
        # of each job first that it has begun, then its error
        for path in sorted((self.sweep / FOLDER).iterdir(), key=lambda path: (path.stem, path.suffix == ".err")):
            with path.open("rb") as file:
                file.seek(self._told.get(path, 0))
                new = file.read()
            lines = new[: new.rfind(b"\n") + 1]  # the last one may be half written
            self._told[path] = self._told.get(path, 0) + len(lines)
            if lines:
                stream = sys.stderr if path.suffix == ".err" else sys.stdout
                print(lines.decode("utf-8", "replace"), end="", file=stream, flush=True)

    def forget(self, number: int) -> None:
        """Of a job that has ended and been told: a sweep of thousands looks at the files of those that run."""
        for path in _files(self.sweep, number):
            path.unlink(missing_ok=True)
            self._told.pop(path, None)


def _files(sweep: Path, number: int) -> tuple[Path, Path]:
    return sweep / FOLDER / f"{number}.out", sweep / FOLDER / f"{number}.err"
