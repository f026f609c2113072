"""Random states: different on each process, and kept in the checkpoint."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer


class RandomState(Callback):
    """Gives each process its own noise, and a resumed run the noise that it would have had.

    All processes start from one seed, so that their weights agree; without this, the images of two processes would
    also share their noise.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + 1_000_003 * trainer.global_rank)

    def state_dict(self) -> dict[str, Any]:
        return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        torch.set_rng_state(state_dict["cpu"])
        if len(state_dict["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state_dict["cuda"])
