"""Which runs are repetitions of one another: those that differ by the seed alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genlab.report.reading import ReportedRun

MISSING = "not set"
# Beginnings of addresses that split no group: what is pictured and counted, and how often. What chooses the best
# checkpoint does split them
ASIDE = ("callbacks.", "trainer.accelerator", "trainer.log_every_n_steps")
COUNTS = ("callbacks.checkpoints.",)


@dataclass(frozen=True)
class Group:
    """Runs of one model on one data set with the same settings, whatever their seeds.

    Attributes:
        label: the model, and the settings in which it differs from the other groups of that model.
        model, data: as the runs say.
        varied: address → value, of the settings in the label.
        runs: all of them; `finished` are those that count.
    """

    label: str
    model: str
    data: str
    varied: dict[str, Any]
    runs: list[ReportedRun]

    @property
    def finished(self) -> list[ReportedRun]:
        """Those whose numbers count: others may have stopped anywhere, and a seed that ran twice has one result."""
        by_seed: dict[Any, ReportedRun] = {}
        for run in self.runs:
            if run.listed.status == "finished":
                key = id(run) if run.listed.seed is None else run.listed.seed
                by_seed[key] = max(by_seed.get(key, run), run, key=lambda run: run.listed.started)
        return list(by_seed.values())


def group_runs(runs: Sequence[ReportedRun]) -> list[Group]:
    """Groups of the runs that can be read, in the order in which they were named first."""
    families: dict[tuple[str, str], list[ReportedRun]] = {}
    for run in runs:
        if not run.broken:
            families.setdefault((run.listed.model or "unknown model", run.listed.data or "unknown data"), []).append(
                run
            )
    several_data = len({data for _, data in families}) > 1
    groups = []
    for (model, data), members in families.items():
        addresses = _varied(members)
        names = _short_names(addresses)
        alike: dict[tuple[str, ...], list[ReportedRun]] = {}
        for run in members:
            alike.setdefault(tuple(_said(run.settings.get(address, MISSING)) for address in addresses), []).append(run)
        for values, same in alike.items():
            parts = [model, *([f"on {data}"] if several_data else [])]
            parts += [f"{names[address]}={value}" for address, value in zip(addresses, values, strict=True)]
            varied = {address: same[0].settings.get(address, MISSING) for address in addresses}
            groups.append(Group(" ".join(parts), model, data, varied, same))
    return groups


def _varied(runs: Sequence[ReportedRun]) -> list[str]:
    """Addresses of the settings that are not the same in all runs, in the order of the config."""
    addresses = dict.fromkeys(address for run in runs for address in run.settings)
    return [
        address
        for address in addresses
        if (address.startswith(COUNTS) or not address.startswith(ASIDE))
        and len({_said(run.settings.get(address, MISSING)) for run in runs}) > 1
    ]


def _short_names(addresses: Sequence[str]) -> dict[str, str]:
    """`model.latent_dim` → `latent_dim`, where no other address ends so."""
    ends = [address.rpartition(".")[2] for address in addresses]
    return {address: end if ends.count(end) == 1 else address for address, end in zip(addresses, ends, strict=True)}


def _said(value: Any) -> str:
    return "null" if value is None else str(value)
