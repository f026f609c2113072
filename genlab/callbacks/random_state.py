"""Random states: different on each process, and kept in the checkpoint."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import distributed


class RandomState(Callback):
    """Gives each process its own noise, and a resumed run the noise that it would have had.

    All processes start from one seed, so that their weights agree; without this, the images of two processes would
    also share their noise. A checkpoint has the states of all processes; resumed with another number of them, a run
    goes on with new noise.
    """

    def __init__(self) -> None:
        self._resumed: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if len(self._resumed) == trainer.world_size:
            state = self._resumed[trainer.global_rank]
            torch.set_rng_state(state["cpu"])
            if len(state["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(state["cuda"])
        elif trainer.world_size > 1 or self._resumed:
            torch.manual_seed(torch.initial_seed() + 1_000_003 * trainer.global_rank + trainer.current_epoch)

    def state_dict(self) -> dict[str, Any]:
        here = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
        states: list[Any] = [here]
        if distributed.is_available() and distributed.is_initialized():
            states = [None] * distributed.get_world_size()
            distributed.all_gather_object(states, here)
        return {"states": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._resumed = state_dict["states"]
