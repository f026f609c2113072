"""sweep.keep=best: what is removed, and above all what is not."""

import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genlab.loggers.tensorboard import TensorBoard
from genlab.runs.lock import locked
from genlab.sweeps.thinning import best_of_each_kind, scored, thin

ELBO = {"metric": "val/elbo", "mode": "max"}
BITS = {"metric": "val/bits_per_dim", "mode": "min"}


@pytest.fixture
def make(tmp_path):
    """make("0", value, …): the folder of a job as a finished run leaves it, with some of its files."""

    def make(name, value, best=ELBO, **summary):
        folder = tmp_path / name
        for file in ("checkpoints/last.ckpt", "checkpoints/best.ckpt", "images/samples/epoch_0000.png", "metrics.csv"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("x")
        usual = {"status": "finished", "model": "VAE", "data": "mnist", "protocol": {}, "metrics": {"test/elbo": 0.0}}
        usual["best"] = best | {"value": value} if best else None
        (folder / "summary.json").write_text(json.dumps(usual | summary))
        return folder

    return make


def whole(folder):
    return (folder / "checkpoints" / "best.ckpt").exists() and (folder / "images" / "samples").exists()


def test_the_best_by_validation_keeps_its_files_and_the_others_their_numbers(make, tmp_path):
    runs = [make("0", -101.0), make("1", -99.0), make("2", -100.0)]
    thin(tmp_path)
    assert [whole(run) for run in runs] == [False, True, False]
    for run in (runs[0], runs[2]):
        assert sorted(path.name for path in run.iterdir() if not path.name.startswith(".")) == [
            "metrics.csv",
            "summary.json",
        ]
    summaries = [json.loads((run / "summary.json").read_text()) for run in runs]
    assert [summary.get("thinned", False) for summary in summaries] == [True, False, True]
    assert [summary["best"]["value"] for summary in summaries] == [-101.0, -99.0, -100.0]


def test_smaller_is_better_where_the_metric_says_so(make, tmp_path):
    runs = [make("0", 1.2, BITS), make("1", 1.1, BITS), make("2", 1.3, BITS)]
    thin(tmp_path)
    assert [whole(run) for run in runs] == [False, True, False]


def test_runs_that_cannot_be_compared_are_all_kept(make, tmp_path):
    runs = [
        make("0", -99.0),
        make("1", -300.0, data="fashion_mnist"),
        make("2", 1.2, BITS, model="Flow"),
        make("3", -200.0, protocol={"val/elbo": "x grey, a surrogate"}),
        make("4", None, None, model="GAN"),
        make("5", None, None, model="GAN"),
    ]
    thin(tmp_path)
    assert all(map(whole, runs))


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_a_run_that_has_not_finished_is_kept_and_beats_none(make, tmp_path, status):
    runs = [make("0", -101.0), make("1", -99.0, status=status), make("2", -200.0, status=status)]
    thin(tmp_path)
    assert all(map(whole, runs))


def test_of_equals_one_is_kept_whenever_it_is_asked(make, tmp_path):
    runs = [make("10", -99.0), make("2", -99.0)]
    thin(tmp_path)
    assert [whole(run) for run in runs] == [False, True]
    runs.append(make("0", -99.0))
    thin(tmp_path)
    assert [whole(run) for run in runs] == [False, False, True]


def test_what_is_thinned_already_does_not_beat_its_equal(make, tmp_path):
    make("0", -99.0, thinned=True)
    whole_one = make("1", -99.0)
    thin(tmp_path)
    assert whole(whole_one)


def test_a_run_into_which_a_process_trains_is_left_alone(make, tmp_path):
    runs = [make("0", -101.0), make("1", -99.0)]
    with locked(runs[0]):
        thin(tmp_path)
    assert all(map(whole, runs))


def test_a_link_is_not_followed(make, tmp_path):
    precious = tmp_path / "elsewhere" / "precious"
    precious.mkdir(parents=True)
    (precious / "file").write_text("x")
    loser = make("0", -101.0)
    make("1", -99.0)
    (loser / "images" / "more").symlink_to(precious)
    thin(tmp_path)
    assert not (loser / "images").exists()
    assert (precious / "file").exists()


def test_the_best_is_named_for_each_kind(make, tmp_path):
    make("0", -101.0), make("1", -99.0), make("2", 1.2, BITS, model="Flow")
    best = best_of_each_kind(scored(tmp_path)).values()
    assert {(run.folder.name, run.metric, run.value) for run in best} == {
        ("1", "val/elbo", -99.0),
        ("2", "val/bits_per_dim", 1.2),
    }


def test_event_files_lose_their_pictures_and_no_number(make, tmp_path):
    loser = make("0", -101.0)
    make("1", -99.0)
    logger = TensorBoard(str(loser))
    for step in range(5):
        logger.log_metrics({"val/elbo": -100.0 - step}, step)
        logger.pictures.add_image("samples", torch.rand(3, 60, 60), step)
    logger.finalize("success")
    before = EventAccumulator(str(loser)).Reload()
    assert before.Tags()["images"] == ["samples"]
    thin(tmp_path)
    found = EventAccumulator(str(loser)).Reload()
    assert found.Tags()["images"] == []
    assert found.Scalars("val/elbo") == before.Scalars("val/elbo")
    assert [event.step for event in found.Scalars("val/elbo")] == [0, 1, 2, 3, 4]
    assert sum(path.stat().st_size for path in loser.glob("events.*")) < 2000
