"""Where the time of a run goes, or not asking."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pytorch_lightning.profilers import Profiler, SimpleProfiler


class NoProfiler(Profiler):
    """Measures nothing. Lightning's own does so too, but makes a new context for each of 60 actions a batch."""

    def start(self, action_name: str) -> None:
        pass

    def stop(self, action_name: str) -> None:
        pass

    def summary(self) -> str:
        return ""

    def profile(self, action_name: str) -> AbstractContextManager[str]:  # type: ignore[override]
        return _NOTHING


_NOTHING: AbstractContextManager[str] = nullcontext("")


def profiler(name: str | None, folder: Path) -> Profiler | str:
    """What `trainer.profiler` names: none, `simple`, which writes `profile/fit-*.txt`, or another of Lightning's."""
    if name is None:
        return NoProfiler()
    return SimpleProfiler(dirpath=folder / "profile", filename="fit") if name == "simple" else name
