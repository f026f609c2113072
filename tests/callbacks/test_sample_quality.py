"""val/fid_mnist chooses the GAN's best checkpoint, and costs the training nothing but time."""

import csv
import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.evaluation.distances import frechet_distance
from genlab.evaluation.feature_network import mnist_network
from genlab.runs.reload import load, load_data, open_run
from genlab.training.train import train

QUICK = ["model.latent_dim=8", "data.batch_size=100", "trainer.max_epochs=4", "callbacks.sample_quality.n=60"]
QUICK += ["evaluate_every=2"]


def column(folder, name):
    with (folder / "metrics.csv").open() as file:
        return [(int(float(row["epoch"])), float(row[name])) for row in csv.DictReader(file) if row.get(name)]


@pytest.fixture(scope="module")
def gan(mnist_root, tmp_path_factory):
    from conftest import stand_in_config

    folder = tmp_path_factory.mktemp("gan")
    train(stand_in_config(mnist_root, folder, "model=gan", *QUICK))
    return folder / "run"


def test_every_second_epoch_has_a_value(gan):
    assert [epoch for epoch, _ in column(gan, "val/fid_mnist")] == [1, 3]


def test_the_best_checkpoint_has_the_lowest_value(gan):
    values = dict(column(gan, "val/fid_mnist"))
    best = torch.load(gan / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == min(values, key=values.get)
    images = load_data(open_run(gan)).val_set.images
    with torch.no_grad():
        samples = load(gan, checkpoint="best").sample(60, torch.Generator().manual_seed(0))
    network = mnist_network()
    again = frechet_distance(network.describe(images).features, network.describe(samples).features)
    assert again == pytest.approx(min(values.values()), rel=1e-4)


def test_the_summary_has_its_protocol_and_its_cost(gan):
    summary = json.loads((gan / "summary.json").read_text())
    assert "60 samples against the validation images" in summary["protocol"]["val/fid_mnist"]
    assert 0 < summary["sample_quality_seconds"] < summary["seconds"]


def test_training_does_not_notice(gan, compose_config, tmp_path):
    train(compose_config("model=gan", *QUICK, "evaluate_every=0"))
    without, with_it = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (tmp_path / "run", gan)
    )
    assert all(torch.equal(without[name], with_it[name]) for name in with_it)
    assert not (tmp_path / "run" / "checkpoints" / "best.ckpt").exists()


def test_a_model_without_samples_is_left_alone(compose_config, tmp_path):
    small = ["model.hidden_dims=[8]", "model.latent_dim=2", "callbacks.ex_post_samples.components=0"]
    train(compose_config("model=autoencoder", "evaluate_every=1", "trainer.max_epochs=1", *small))
    assert "fid_mnist" not in (tmp_path / "run" / "metrics.csv").read_text()


def test_evaluation_at_the_end_of_training(compose_config, tmp_path, capsys):
    small = ["model.hidden_dims=[8]", "trainer.max_epochs=1", "callbacks.test_nll.images=2"]
    few = ["evaluate=true", "evaluation.samples=100", "evaluation.images=100", "evaluation.importance_samples=2"]
    train(compose_config("model=vae", *small, *few, "evaluation.prior_samples=10"))
    written = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert written["checkpoint"] == "best.ckpt"
    assert "fid_mnist" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "finished"
    told = EventAccumulator(str(tmp_path / "run")).Reload()
    assert {f"evaluation/{name}" for name in written["scores"]} <= set(told.Tags()["scalars"])
    *_, last = csv.DictReader((tmp_path / "run" / "metrics.csv").open())
    for name in ("nll", "fid_mnist"):
        assert float(last[f"evaluation/{name}"]) == written["scores"][name]["value"]
