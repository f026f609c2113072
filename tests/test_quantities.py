"""What is said of a number: by genlab, by a model of another package, and of one that nobody describes."""

from dataclasses import asdict

import pytest

from genlab.capabilities import quantity_of, units_of
from genlab.quantities import (
    KNOWN,
    SAMPLE_SCORES,
    Quantity,
    in_order,
    is_known,
    is_sample_score,
    quantity,
    score_names,
)


def test_a_quantity_is_found_by_its_tag_and_by_its_name():
    assert quantity("val/elbo") is quantity("elbo") is KNOWN["elbo"]
    assert quantity("elbo").label == "nats per image, higher is better"
    assert (quantity("nll").better, quantity("bits_per_dim").better, quantity("kl").better) == ("lower", "lower", None)


def test_one_that_nobody_describes_has_its_name():
    assert quantity("val/sharpness") == Quantity("sharpness")
    assert (quantity("sharpness").chart_title, quantity("sharpness").label) == ("sharpness", "")


def test_a_model_says_what_genlab_does_not_know():
    class Own:
        quantities = ("sharpness", "elbo")
        described = (Quantity("sharpness", "grey levels", "higher"),)

    assert (quantity_of(Own(), "val/sharpness").better, quantity_of(Own(), "kl")) == ("higher", quantity("kl"))
    assert units_of(Own()) == "grey levels; nats per image"


def test_those_that_are_known_come_first_and_in_their_order():
    assert in_order(["zeal", "kl", "anger", "elbo"]) == ["elbo", "kl", "anger", "zeal"]


def test_a_title_of_a_chart_that_others_are_drawn_in_exists():
    assert {one.drawn_with for one in KNOWN.values() if one.drawn_with} <= set(KNOWN)


def test_each_score_of_samples_says_which_way_is_better():
    assert all(KNOWN[name].better for name in SAMPLE_SCORES)


def test_a_description_is_plain_for_json():
    assert Quantity(**asdict(quantity("value"))) == quantity("value")


@pytest.mark.parametrize("name", ["fid_mnist", "fid_fashion_mnist", "fid_folder_3fa9c2d1"])
def test_a_score_of_any_space_of_features_is_known_under_its_name(name):
    found = quantity(f"val/{name}")
    assert (found.name, found.better, found.kind) == (name, "lower", "quality") and found.unit and found.meaning
    assert is_known(name) and is_sample_score(name) and not is_sample_score(name.replace("fid", "kid"))
    assert in_order(["precision", name, "nll"]) == ["nll", name, "precision"]
    assert score_names("svhn")[:2] == ["fid_svhn", "kid_svhn"]
