"""Where the time of a run goes, or not asking."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pytorch_lightning.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler

from genlab.console.readable import allowed
from genlab.errors import ConfigError

PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


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


def profiler(name: str | None, folder: Path) -> Profiler:
    """The profiler that `trainer.profiler` names, which writes `profile/fit-*.txt` below the run folder.

    Raises:
        ConfigError: there is none of this name.
    """
    if name is None:
        return NoProfiler()
    if str(name) not in PROFILERS:
        raise ConfigError(f"trainer.profiler={name}: {allowed(str(name), PROFILERS)}")
    return PROFILERS[name](dirpath=folder / "profile", filename="fit")
