"""What makes two runs one, repetitions of one another, or different."""

import pytest

from genlab.runs.identity import (
    IMAGES,
    canonical,
    changes_result,
    fingerprint,
    images_of,
    once_each,
    repetitions,
    result_settings,
    short_names,
    varying,
)

CONFIG = {
    "seed": 3,
    "outputs": "outputs",
    "model": {"_target_": "genlab.models.vae.VAE", "beta": 1.0, "hidden_dims": [500, 300]},
    "data": {"name": "mnist", "root": None, "num_workers": 0, "seed": 3},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
    "callbacks": {"samples": {"n": 64}, "checkpoints": {"monitor": "val/elbo"}},
    "logger": {},
}
IMAGES_A, IMAGES_B = "0123456789abcdef", "fedcba9876543210"


def changed(**sections):
    return CONFIG | {name: CONFIG[name] | values for name, values in sections.items()}


def test_other_images_are_another_run_wherever_they_lie():
    here, there = changed(data={"root": "/a"}), changed(data={"root": "/b"})
    assert fingerprint(here) != fingerprint(there)
    assert fingerprint(here, IMAGES_A) == fingerprint(there, IMAGES_A)
    assert fingerprint(here, IMAGES_A) != fingerprint(here, IMAGES_B)
    assert fingerprint(here, IMAGES_A) != fingerprint(here)


def test_repetitions_agree_in_all_that_changes_a_result():
    settings = result_settings(CONFIG, IMAGES_A)
    assert settings == {
        "model._target_": "genlab.models.vae.VAE",
        "model.beta": 1.0,
        "model.hidden_dims": [500, 300],
        "data.name": "mnist",
        "trainer.max_epochs": 2,
        "callbacks.checkpoints.monitor": "val/elbo",
        IMAGES: IMAGES_A,
    }
    assert result_settings(CONFIG | {"seed": 4, "data": CONFIG["data"] | {"seed": 4}}, IMAGES_A) == settings


def test_a_seed_of_the_data_that_is_not_the_runs_counts():
    assert result_settings(changed(data={"seed": 5}))["data.seed"] == 5


@pytest.mark.parametrize("address", ["data.root", "model.beta", "trainer.devices", "callbacks.checkpoints.monitor"])
def test_what_changes_a_result(address):
    assert changes_result(address)


@pytest.mark.parametrize("address", ["run_dir", "data.num_workers", "callbacks.samples.n", "trainer.accelerator"])
def test_what_changes_none(address):
    assert not changes_result(address)


@pytest.mark.parametrize(
    "summary",
    [{}, {"images": None}, {"images": []}, {"images": {"fingerprint": 7}}, {"images": {"fingerprint": "<script>"}}],
)
def test_images_that_a_summary_does_not_name_are_unknown(summary):
    assert images_of(summary) is None
    assert images_of({"images": {"fingerprint": IMAGES_A, "count": 70000}}) == IMAGES_A


def test_equal_values_have_one_text():
    assert canonical({"a": 1, "b": [2]}) == canonical({"b": [2.0], "a": 1.0})
    assert len({canonical(value) for value in (1, True, "1", None, 10**400, -(10**400))}) == 6


def test_what_varies():
    runs = [{"dim": 2, "beta": 1, "seed": 0}, {"dim": 2.0, "beta": 4, "seed": 1, "penalty": "r1"}]
    assert varying(runs) == ["beta", "seed", "penalty"]
    assert varying(runs, among_owners=True) == ["beta", "seed"]


def test_a_name_is_short_where_no_other_ends_so():
    assert short_names(["model.seed", "data.seed", "model.beta"]) == {
        "model.seed": "model.seed",
        "data.seed": "data.seed",
        "model.beta": "beta",
    }


def test_runs_that_agree_in_all_but_the_seed_are_together():
    runs = [{"dim": dim, "seed": seed} for dim in (2, 20) for seed in (0, 1)] + [{"dim": 2, "seed": 2}]
    assert repetitions(runs, ignored=["seed"]) == (["dim"], [[0, 1, 4], [2, 3]])


def test_a_run_that_was_trained_twice_counts_once():
    assert once_each(["a", "b", "a"]) == [2, 1]
    assert once_each(["a", "b", "a"], ages=["2026-02", "2026-01", "2026-01"]) == [0, 1]
