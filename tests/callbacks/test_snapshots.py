"""callbacks.snapshots: the weights of a few epochs, and what reads them."""

import pytest
import torch
from safetensors.torch import save_file

from genlab.errors import RunError
from genlab.models.vae import VAE
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import open_run
from genlab.runs.reload import load
from genlab.runs.snapshots import load_snapshot, snapshots, write_snapshot
from genlab.training.train import train

QUICK = ["model=vae", "model.hidden_dims=[8]", "model.latent_dim=2", "trainer.max_epochs=4", "logger=none"]
QUICK += ["callbacks.test_nll.images=2", "++trainer.limit_train_batches=2"]
QUICK += [f"~callbacks.{name}" for name in ("samples", "reconstructions", "manifold", "code_scatter", "traversals")]


def test_epochs_are_kept_and_the_explorer_has_those_before_its_own(compose_config, tmp_path):
    from genlab.report.explorer.exhibit import load_exhibit

    train(compose_config(*QUICK, "callbacks.snapshots.keep=10"))
    assert list(snapshots(tmp_path / "run")) == [0, 1, 2, 3]
    shown = load_exhibit(open_run(tmp_path / "run", MODEL_SECTIONS), "last")
    assert [(epoch["epoch"], epoch["bits"]) for epoch in shown["epochs"]] == [(0, 8), (1, 8), (2, 8), (3, 8), (4, 11)]
    assert len({epoch["weights"] for epoch in shown["epochs"]}) == 5
    model = load(tmp_path / "run", checkpoint="last")
    before = model.decoder[0][0].weight.clone()
    load_snapshot(model, snapshots(tmp_path / "run")[0])
    assert not torch.equal(model.decoder[0][0].weight, before)


def test_none_are_kept_unless_asked_for(finished):
    assert not (finished / "snapshots").exists()


def test_a_snapshot_is_read_as_it_was_written_but_for_its_last_bits(tmp_path):
    model, other = (VAE(latent_dim=2, hidden_dims=[4]) for _ in range(2))
    write_snapshot(tmp_path, 7, model)
    assert snapshots(tmp_path) == {7: tmp_path / "snapshots" / "epoch_0007.safetensors"}
    load_snapshot(other, snapshots(tmp_path)[7])
    for name, value in model.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=2**-11, atol=1e-6)


def test_a_damaged_one_or_one_of_another_model_is_refused(tmp_path):
    model = VAE(latent_dim=2, hidden_dims=[4])
    (tmp_path / "damaged").write_bytes(b"no weights")
    with pytest.raises(RunError, match="damaged: no snapshot of genlab's"):
        load_snapshot(model, tmp_path / "damaged")
    save_file({"foreign": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(RunError, match="has not the weights of the VAE"):
        load_snapshot(model, tmp_path / "foreign")
