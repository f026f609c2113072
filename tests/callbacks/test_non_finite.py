"""On a GPU what a step returns is looked at as often as it is logged; on a CPU each loss is, before its gradient."""

from types import SimpleNamespace

import pytest
import torch

from genlab.callbacks.non_finite import NonFinite
from genlab.errors import NonFiniteError

TRAINER = SimpleNamespace(log_every_n_steps=4, precision_plugin=None, current_epoch=2)
GPU = SimpleNamespace(device=torch.device("cuda"))
OUTPUTS = {"value": torch.tensor(1.0), "generator_loss": torch.tensor(torch.nan)}


def end_batch(batch_idx, outputs=OUTPUTS, model=GPU):
    NonFinite().on_train_batch_end(TRAINER, model, outputs, None, batch_idx)


def test_on_a_gpu_the_first_that_is_not_finite_is_named_with_the_batches():
    with pytest.raises(NonFiniteError, match="non-finite generator_loss in epoch 3, batches 5 to 8"):
        end_batch(7)


@pytest.mark.parametrize("batch_idx", [4, 5, 6])
def test_between_two_rows_nothing_is_read(batch_idx):
    end_batch(batch_idx, outputs={"loss": "no tensor"})


def test_finite_values_and_those_of_a_cpu_pass():
    end_batch(7, outputs={"loss": torch.tensor(1.0)})
    end_batch(7, model=SimpleNamespace(device=torch.device("cpu")))
