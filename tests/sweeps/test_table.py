"""Aggregation over seeds: what is averaged, what is never mixed, and what is said of jobs that ended badly."""

import math
import subprocess
import sys

import pytest

from genlab.sweeps import table
from genlab.sweeps.table import Result, compared, groups, plain_rows


def cells(rows):
    return table.cells(rows, compared(rows))


def metrics(group):
    """Head of a column → (count, mean, standard deviation)."""
    (row,) = plain_rows([group], compared([group]))
    return {head: (found["count"], found["mean"], found["std"]) for head, found in row["metrics"].items()}


def vae(latent_dim, seed, value, seconds=10.0):
    settings = {"model": "vae", "model.latent_dim": str(latent_dim), "seed": str(seed), "debug": "fast"}
    return Result(settings, "finished", None, "test/elbo", value, seconds)


def gan(latent_dim, seed, value, seconds=20.0):
    settings = {"model": "gan", "model.latent_dim": str(latent_dim), "seed": str(seed), "debug": "fast"}
    return Result(settings, "finished", None, "test/value", value, seconds)


def of(repeats, fingerprint, value, **settings):
    return Result(settings, "finished", None, "test/elbo", value, 1.0, fingerprint, repeats)


def test_what_varies_comes_in_the_order_of_the_command_and_what_does_not_is_left_out():
    assert cells(groups([vae(2, 0, -100.0), gan(2, 0, -0.5), vae(3, 0, -100.0)]))[0][:2] == [
        "model",
        "model.latent_dim",
    ]
    assert cells(groups([vae(2, 0, -100.0)]))[0][0] == "runs"


def test_a_run_that_was_typed_twice_is_one_seed():
    runs = [of("x", "a", -100.0, lr="0.001"), of("x", "a", -100.0, lr="1e-3"), of("x", "b", -102.0, lr="0.001")]
    (group,) = groups(runs)
    assert metrics(group)["test/elbo"] == (2, pytest.approx(-101.0), pytest.approx(math.sqrt(2)))
    assert len(group.jobs) == 2


def test_rows_are_told_apart_by_their_configs_and_not_by_what_was_typed():
    runs = [of("x", "a", -100.0, seed="0"), of("x", "b", -98.0, seed="1", dim="20"), of("y", "c", -90.0, dim="2")]
    assert [(group.settings, len(group.jobs)) for group in groups(runs)] == [({"dim": "20"}, 2), ({"dim": "2"}, 1)]


def test_mean_and_sample_standard_deviation_over_seeds():
    # deviations -2, 1, 1 of the mean -100: variance (4 + 1 + 1) / (3 - 1) = 3
    (group,) = groups([vae(2, 0, -102.0, 10.0), vae(2, 1, -99.0, 20.0), vae(2, 2, -99.0, 60.0)])
    assert metrics(group)["test/elbo"] == (3, pytest.approx(-100.0), pytest.approx(math.sqrt(3)))
    assert group.seconds == pytest.approx(30.0)
    assert (len(group.jobs), group.status()) == (3, "finished")


def test_a_group_is_all_that_varies_but_the_seed():
    found = groups([vae(2, 0, -102.0), vae(20, 0, -98.0), vae(2, 1, -100.0), vae(20, 1, -97.0)])
    assert [group.settings for group in found] == [{"model.latent_dim": "2"}, {"model.latent_dim": "20"}]
    assert [metrics(group)["test/elbo"][1] for group in found] == [pytest.approx(-101.0), pytest.approx(-97.5)]


def test_headlines_of_two_models_share_no_column_and_no_mean():
    found = groups([vae(2, 0, -100.0), vae(2, 1, -102.0), gan(2, 0, -0.5), gan(2, 1, -0.7)])
    names, rows, _ = cells(found)
    assert names == ["model", "runs", "test/elbo", "test/value", "seconds", "status"]
    assert rows == [
        ["vae", "2", "-101.00 ± 1.41", "", "10", "finished"],
        ["gan", "2", "", "-0.600 ± 0.141", "20", "finished"],
    ]


def test_headlines_are_not_mixed_where_a_setting_hides_the_model():
    jobs = [vae(2, 0, -100.0), gan(2, 1, -0.5)]
    found = groups([Result({"seed": str(i)}, "finished", None, job.headline, job.value) for i, job in enumerate(jobs)])
    (group,) = found
    assert metrics(group) == {"test/elbo": (1, -100.0, None), "test/value": (1, -0.5, None)}


def test_a_job_that_has_not_finished_counts_in_the_status_alone():
    failed = Result({"debug": "fast", "seed": "1"}, "failed", "NonFiniteError: " + "x" * 200)
    stopped = Result({"debug": "fast", "seed": "2"}, "interrupted", None, "val/elbo", -500.0, 3.0)
    done = Result({"debug": "fast", "seed": "0"}, "finished", None, "test/elbo", -100.0, 10.0)
    (group,) = groups([done, failed, stopped])
    assert metrics(group) == {"test/elbo": (1, -100.0, None)}
    assert group.seconds == 10.0
    assert group.status() == f"1 finished, 1 failed, 1 interrupted: NonFiniteError: {'x' * 84} …"


def test_a_reason_that_all_seeds_share_is_said_once():
    jobs = [Result({"a": "0", "seed": str(seed)}, "failed", "why") for seed in range(3)]
    (group,) = groups(jobs)
    assert (len(group.jobs), group.status()) == (3, "failed: why")


def shown(*values):
    """What the table says of jobs with these values."""
    ((names, (row,), _),) = [cells(groups([vae(2, seed, value) for seed, value in enumerate(values)]))]
    return row[names.index("test/elbo")]


def test_a_value_that_is_not_finite_is_not_averaged_away():
    assert shown(None) == "not finite"
    assert shown(-100.0, None) == "not finite with 1 of 2 seeds"


def test_one_run_has_no_deviation():
    assert shown(1.2345) == "1.234"
    assert shown(-98.123) == "-98.12"


def measured(dim, seed, value, protocol="x drawn once"):
    settings = {"dim": str(dim), "seed": str(seed)}
    return Result(settings, "finished", None, "test/elbo", value, 1.0, protocol=protocol)


def test_the_best_is_named_where_chance_does_not_explain_it():
    jobs = [measured(dim, seed, -90.0 - dim - seed / 10) for dim in (2, 20) for seed in range(3)]
    _, rows, _ = cells(groups(jobs))
    assert [row[2] for row in rows] == ["-92.10 ± 0.10 best", "-110.10 ± 0.10"]


def test_two_protocols_share_no_column():
    found = groups([measured(2, 0, -98.0), measured(20, 0, -50.0, "x grey, a surrogate")])
    names, rows, _ = cells(found)
    assert names == ["dim", "runs", "test/elbo (1)", "test/elbo (2)", "seconds", "status"]
    assert [row[2:4] for row in rows] == [["-98.00", ""], ["", "-50.00"]]


def test_numbers_are_aligned_to_the_right_and_words_are_not():
    _, _, right = cells(groups([vae(2, 0, -100.0), gan(20, 0, -0.5)]))
    assert right == ["runs", "seconds", "model.latent_dim"]


def test_the_table_needs_no_torch():
    code = "import sys, genlab.sweeps.job, genlab.sweeps.sweep; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
