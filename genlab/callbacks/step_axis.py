"""The one step axis of scalars and pictures."""

from pytorch_lightning import Trainer


def batches_seen(trainer: Trainer) -> int:
    """Training batches seen since the start of the run, resumed parts included.

    Lightning's own `global_step` counts optimizer steps, which are several a batch with several optimizers and less
    than one with gradient accumulation.
    """
    return trainer.fit_loop.total_batch_idx + 1
