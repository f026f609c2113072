"""Which model, and why: what the first lines of the page say, and what they do not dare to."""

import pytest
from report.run_folders import evaluation

from genlab.report.comparison import comparisons_of
from genlab.report.conclusion import conclusion
from genlab.report.grouping import group_runs
from genlab.report.milestones import milestones
from genlab.report.reading import read_run

SCORED = {"val/fid_mnist": "2000 samples"}


def concluded(*folders):
    """question → answer."""
    groups = group_runs([read_run(folder) for folder in folders])
    (comparison,) = comparisons_of(groups)
    return {finding.question: finding.answer for finding in conclusion(comparison, milestones(groups))}


@pytest.fixture
def family(make_run):
    """family("GAN", [3.0, 3.1], [30, 10, 3]): a run for each final score, all with the same curve of val/fid_mnist."""

    def make(model, scores, curve, seconds_per_epoch=10.0, absent=(), **settings):
        folders = []
        for seed, score in enumerate(scores):
            content = evaluation(fid_mnist=score)
            for name in absent:
                del content["scores"][name]
            folders.append(
                make_run(
                    f"{model}{settings.get('settings', {})}/{seed}",
                    model=model,
                    seed=seed,
                    fid=curve,
                    seconds_per_epoch=seconds_per_epoch,
                    evaluated=content,
                    protocol=SCORED,
                    **settings,
                )
            )
        return folders

    return make


def test_the_faster_and_the_more_realistic_are_named_with_their_numbers(family):
    said = concluded(
        *family("VAE", [9.0, 9.1, 9.2], [20, 12, 9], 10.0),
        *family("GAN", [3.0, 3.1, 3.2], [30, 10, 3], 50.0, absent=["nll"]),
    )
    assert said == {
        "Most realistic samples": "fid_mnist (lower is better) of GAN: 3.1, of VAE: 9.1. Real images reach 0.4. "
        "GAN differs from every other by more than chance explains.",
        "Seconds to equal quality": "VAE was ahead for the first 150 s, then GAN. "
        "To the best val/fid_mnist of VAE, 9, GAN needed 150 s and VAE 30 s: VAE was faster. "
        "No other came to the 3 that GAN came to after 150 s.",
        "Seconds of the whole training": "VAE: 30 s (3 epochs), GAN: 150 s (3 epochs).",
        "Samples drawn a second": "VAE: 20,000, GAN: 20,000.",
        "Likelihood": "nll (lower is better) of VAE: 91.2 nats per image.",
    }


def test_equal_times_and_settings_of_one_model_make_no_winner(family):
    said = concluded(
        *family("VAE", [9.0], [20, 12, 9]),
        *family("GAN", [3.0], [30, 10, 3], settings={"latent_dim": 2}),
        *family("GAN", [4.0], [30, 10, 4], settings={"latent_dim": 3}),
    )
    assert said["Seconds to equal quality"] == (
        "VAE was ahead for the first 20 s, then GAN latent_dim=2. "
        "To the best val/fid_mnist of VAE, 9, GAN latent_dim=2 needed 30 s and VAE 30 s. "
        "No other came to the 3 that GAN latent_dim=2 came to after 30 s."
    )


def test_one_seed_decides_nothing(family):
    said = concluded(*family("VAE", [9.0], [20, 12, 9]), *family("GAN", [3.0], [30, 10, 3]))
    assert said["Most realistic samples"].endswith("One seed: no test of what is chance.")


def test_what_is_as_good_as_the_best_is_named(family):
    said = concluded(
        *family("VAE", [3.05, 3.2, 3.3], [20, 12, 9]),
        *family("GAN", [3.0, 3.1, 3.2], [30, 10, 3]),
        *family("Flow", [3.15], [30, 10, 3]),
        *family("Autoencoder", [9.0, 9.1, 9.2], [30, 10, 3]),
    )
    assert "Not distinguishable from the best: VAE. One seed, so no test: Flow." in said["Most realistic samples"]


def test_a_score_of_another_protocol_stands_apart(family, make_run):
    other = evaluation(fid_mnist=1.0)
    other["scores"]["fid_mnist"]["protocol"] = "a mixture fitted to codes"
    said = concluded(
        *family("VAE", [9.0], [20, 12, 9]),
        *family("GAN", [3.0], [30, 10, 3]),
        make_run("ae", model="Autoencoder", evaluated=other),
    )
    first, _, second = said["Most realistic samples"].partition("By another protocol, which does not compare: ")
    assert "Autoencoder" not in first
    assert second == "fid_mnist (lower is better) of Autoencoder: 1."


def test_nothing_is_said_of_what_has_not_been_measured(make_run):
    assert concluded(make_run("a", status="interrupted"), make_run("b", model="GAN", status="interrupted")) == {}
    said = concluded(make_run("c"), make_run("d", model="GAN"))
    assert list(said) == ["Seconds of the whole training"]


def test_an_exact_likelihood_and_a_bound_are_set_side_by_side(family, make_run):
    folders = []
    for model, estimator, value in (("VAE", "upper bound: of 1000 samples", 86.0), ("GAN", "exact", 84.0)):
        content = evaluation(nll=value)
        content["scores"]["nll"]["estimator"] = estimator
        folders.append(make_run(model, model=model, evaluated=content))
    assert concluded(*folders)["Likelihood"] == (
        "nll (lower is better) of GAN: 84 (exact), of VAE: 86 (upper bound) nats per image. "
        "The true value of a bound may be better."
    )


def test_what_a_sentence_speaks_of_and_leaves_out_stands_below_it(family, make_run):
    folders = [*family("VAE", [9.0], [20, 12, 9]), *family("GAN", [3.0], [30, 10, 3]), make_run("c", model="Flow")]
    groups = group_runs([read_run(folder) for folder in folders])
    (comparison,) = comparisons_of(groups)
    basis = {finding.question: finding.basis for finding in conclusion(comparison, milestones(groups))}
    assert basis["Most realistic samples"] == (
        "fid_mnist: 10000 against 10000; features abababababab. "
        "Left out, without such a number or by another protocol: Flow."
    )
    assert basis["Seconds to equal quality"] == "val/fid_mnist: 2000 samples."


@pytest.mark.parametrize(("rival", "said"), [([9.0, 9.1, 9.2], ""), ([3.05, 3.2, 3.3], "not distinguishable")])
def test_a_rival_with_one_seed_puts_no_verdict_on_the_best(family, rival, said):
    folders = [
        *family("GAN", [3.0, 3.1, 3.2], [9, 6, 3]),
        *family("VAE", rival, [9, 6, 3]),
        *family("Flow", [3.3], [9, 6, 3]),
    ]
    (comparison,) = comparisons_of(group_runs([read_run(folder) for folder in folders]))
    (column,) = comparison.sample_scores
    gan, vae, flow = comparison.groups
    assert [comparison.verdict(column, group) for group in (gan, vae, flow)] == [said, said, ""]
