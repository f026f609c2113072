"""hydra/sweeper=genlab, the default: what Hydra asks of a sweeper; the work is in `genlab.sweeps`."""

from collections.abc import Mapping
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class GenlabSweeper(Sweeper):
    """All combinations of values, as Hydra's basic sweeper runs them, with a plan, a table, and a way to go on.

    Args:
        max_batch_size: jobs that the launcher gets at a time; None for all.
        params: values of `hydra.sweeper.params`, `{"seed": "0,1"}`; those on the command line come after them.
    """

    def __init__(self, max_batch_size: int | None, params: Mapping[str, Any] | None) -> None:
        self.max_batch_size = max_batch_size
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Run the jobs; exit with the code of the sweep unless all have finished."""
        from genlab.runs.configuration import quoted
        from genlab.sweeps.request import sweep_request
        from genlab.sweeps.sweep import run_sweep

        context, config = self.hydra_context, self.config
        assert context is not None and config is not None
        typed = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        request = sweep_request(config, context.config_loader, typed, self.max_batch_size)
        # each job is composed with the overrides of Hydra's own settings: so it finds the folder
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(str(request.folder))}")
        config.hydra.sweep.dir = str(request.folder)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=self.task_function, config=config
        )

        def launch() -> None:
            OmegaConf.save(config, request.folder / "multirun.yaml")
            jobs = [job.overrides for job in request.jobs]
            for first in range(0, len(jobs), request.batch):
                for returned in launcher.launch(jobs[first : first + request.batch], initial_job_idx=first):
                    _ = returned.return_value  # raises what no job's folder says

        code = run_sweep(request, launch)
        if code:
            raise SystemExit(code)
