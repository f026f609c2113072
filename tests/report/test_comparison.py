"""Runs into groups, groups into a table: what is put together, what is compared, and what is not."""

import json
import statistics

import pytest
from report.run_folders import evaluation

from genlab.report.comparison import comparisons_of
from genlab.report.grouping import group_runs, told_of_images
from genlab.report.reading import read_run


def compared(*folders):
    return comparisons_of(group_runs([read_run(folder) for folder in folders]))


def cell(comparison, group, column):
    """The cell of a group's label in the column of that name; there must be one such column."""
    (cells,) = [cells for each, cells in comparison.cells.items() if each.name == column]
    (row,) = [each for each in comparison.groups if each.label == group]
    return cells[row]


def test_runs_that_differ_by_the_seed_are_one_group(make_run):
    folders = [
        make_run(f"{dim}/{seed}", seed=seed, settings={"latent_dim": dim, "beta": 1.0})
        for dim in (2, 20)
        for seed in range(3)
    ]
    groups = group_runs([read_run(folder) for folder in folders])
    assert [(group.label, len(group.runs)) for group in groups] == [("VAE latent_dim=2", 3), ("VAE latent_dim=20", 3)]
    assert groups[0].varied == {"model.latent_dim": 2}


def test_what_varies_is_named_within_a_model_alone(make_run):
    folders = [
        make_run("a", model="VAE", settings={"latent_dim": 20}),
        make_run("b", model="GAN", settings={"latent_dim": 100, "penalty": "none"}),
        make_run("c", model="GAN", settings={"latent_dim": 100, "penalty": "r1"}),
    ]
    groups = group_runs([read_run(folder) for folder in folders])
    assert [group.label for group in groups] == ["VAE", "GAN penalty=none", "GAN penalty=r1"]


def test_a_setting_that_one_run_has_not_makes_a_group(make_run):
    folders = [make_run("a", settings={}), make_run("b", settings={"beta": 4})]
    labels = [group.label for group in group_runs([read_run(folder) for folder in folders])]
    assert labels == ["VAE beta=not set", "VAE beta=4"]


def with_callback(folder, name, setting):
    with (folder / "config.yaml").open("a") as file:
        file.write(f"callbacks:\n  {name}:\n    {setting}\n")
    return folder


def test_what_is_pictured_splits_no_group_and_what_chooses_the_best_does(make_run):
    pictured = [with_callback(make_run(f"a{n}", seed=n), "samples", f"n: {n}") for n in range(2)]
    chosen = [with_callback(make_run(f"b{i}", seed=i), "checkpoints", f"monitor: {i}") for i in range(2)]
    assert len(group_runs([read_run(folder) for folder in pictured])) == 1
    assert len(group_runs([read_run(folder) for folder in chosen])) == 2


def test_where_it_ran_splits_no_group(make_run):
    folders = [make_run(accelerator, seed=seed) for seed, accelerator in enumerate(("cpu", "gpu"))]
    for folder in folders:
        config = folder / "config.yaml"
        config.write_text(config.read_text().replace("trainer:\n", f"trainer:\n  accelerator: {folder.name}\n"))
    assert len(group_runs([read_run(folder) for folder in folders])) == 1


def test_mean_and_deviation_are_over_seeds(make_run):
    values = [-98.0, -99.0, -97.5]
    folders = [make_run(str(i), seed=i, metrics={"test/elbo": value}) for i, value in enumerate(values)]
    (comparison,) = compared(*folders)
    found = cell(comparison, "VAE", "test/elbo")
    assert sorted(found.values) == sorted(values)
    assert found.mean == pytest.approx(statistics.mean(values))
    assert found.sd == pytest.approx(statistics.stdev(values))
    assert found.verdict == ""  # nothing to compare it with


def test_a_seed_that_ran_twice_counts_once(make_run):
    """Its second result is the first again: counted twice it would make the spread too small."""
    folders = [make_run(str(i), seed=0, metrics={"test/elbo": -98.0 - i}, started=f"2026-01-0{i + 1}") for i in (0, 1)]
    (comparison,) = compared(*folders)
    assert cell(comparison, "VAE", "test/elbo").values == (-99.0,)


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_that_has_not_finished_does_not_count(make_run, status):
    folders = [make_run("a", seed=0), make_run("b", seed=1, status=status), make_run("c", model="GAN", status=status)]
    (comparison,) = compared(*folders)
    assert len(cell(comparison, "VAE", "test/elbo").values) == 1
    assert cell(comparison, "GAN", "test/elbo").absent == "no run of it has finished"


def groups_of_scores(make_run, scores, **changes):
    """One group of runs for each list of fid_mnist, as VAE latent_dim=0, 1, …"""
    folders = []
    for dim, values in enumerate(scores):
        for seed, value in enumerate(values):
            content = evaluation(fid_mnist=value)
            content["scores"]["fid_mnist"] |= changes.get(f"dim{dim}", {})
            name = f"{dim}-{seed}"
            folders.append(make_run(name, seed=seed, settings={"latent_dim": dim}, evaluated=content))
    return compared(*folders)


def verdicts(comparison, scores):
    return [cell(comparison, f"VAE latent_dim={dim}", "fid_mnist").verdict for dim in range(len(scores))]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([[3.0, 3.1, 3.2], [5.0, 5.1, 5.2]], ["best", ""]),
        ([[3.0, 3.1, 3.2], [3.05, 3.2, 3.3]], ["not distinguishable", "not distinguishable"]),
        ([[3.0, 3.1, 3.2], [3.05, 3.2, 3.3], [9.0, 9.1, 9.2]], ["not distinguishable", "not distinguishable", ""]),
        ([[3.0], [5.0]], ["not distinguishable", "not distinguishable"]),
    ],
)
def test_the_best_is_named_where_chance_does_not_explain_it(make_run, scores, expected):
    (comparison,) = groups_of_scores(make_run, scores)
    assert verdicts(comparison, scores) == expected


def test_higher_is_better_where_the_score_says_so(make_run):
    scores = [[3.0, 3.1, 3.2], [5.0, 5.1, 5.2]]
    higher = {f"dim{dim}": {"better": "higher"} for dim in range(2)}
    (comparison,) = groups_of_scores(make_run, scores, **higher)
    assert verdicts(comparison, scores) == ["", "best"]


def test_numbers_of_two_protocols_are_two_columns(make_run):
    scores = [[3.0, 3.1, 3.2], [5.0, 5.1, 5.2]]
    (comparison,) = groups_of_scores(make_run, scores, dim1={"protocol": "2000 against 5000"})
    columns = [column for column in comparison.cells if column.name == "fid_mnist"]
    assert {column.protocol for column in columns} == {"10000 against 10000", "2000 against 5000"}
    first, second = comparison.cells[columns[0]].values()
    assert {bool(first.values), bool(second.values)} == {True, False}
    assert "another protocol" in first.absent + second.absent
    assert not first.verdict and not second.verdict


def test_samples_of_two_protocols_are_two_tables_each_with_its_own_rows(make_run):
    other = {"protocol": "2000 against 5000"}
    folders = []
    for dim, said in enumerate(({}, other, {}, None)):
        content = evaluation(fid_mnist=3.0)
        for score in content["scores"].values():
            score |= said or {}
        settings = {"settings": {"latent_dim": dim}, "evaluated": None if said is None else content}
        folders.append(make_run(str(dim), **settings))
    (comparison,) = compared(*folders)
    tables = [
        (columns[0].protocol, [group.varied["model.latent_dim"] for group in rows])
        for columns, rows in comparison.tables("quality")
    ]
    assert tables == [("10000 against 10000", [0, 2, 3]), ("2000 against 5000", [1])]


def test_no_table_is_wider_than_a_sheet(make_run):
    contents = evaluation(**{f"score_{i}": i for i in range(11)})
    (comparison,) = compared(make_run("a", evaluated=contents), make_run("b", settings={"beta": 1}))
    tables = [table for kind in ("likelihood", "quality", "cost") for table in comparison.tables(kind)]
    assert [column for columns, _ in tables for column in columns] == list(comparison.cells)
    assert max(len(columns) for columns, _ in tables) <= 6


def test_numbers_of_two_feature_networks_are_two_columns(make_run):
    contents = [evaluation(), evaluation()]
    contents[1]["features"]["sha256"] = "cd" * 32
    folders = [make_run(str(i), seed=i, evaluated=content) for i, content in enumerate(contents)]
    (comparison,) = compared(*folders)
    assert [column.name for column in comparison.cells].count("fid_mnist") == 2
    assert [column.name for column in comparison.cells].count("nll") == 1  # no features are in it


def test_a_number_without_a_protocol_is_shown_and_not_ranked(make_run):
    scores = [[3.0, 3.1, 3.2], [5.0, 5.1, 5.2]]
    silent = {f"dim{dim}": {"protocol": ""} for dim in range(2)}
    (comparison,) = groups_of_scores(make_run, scores, **silent)
    assert verdicts(comparison, scores) == ["", ""]


IMAGES = ("0123456789abcdef", "fedcba9876543210")


def on_root(folder, root):
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("data:\n", f"data:\n  root: {root}\n"))
    return folder


def seen(number):
    return {"images": {"fingerprint": IMAGES[number], "count": 70000}}


def test_runs_on_other_images_are_no_seeds_of_one_row(make_run):
    folders = [make_run("a", seed=0, **seen(0)), on_root(make_run("b", seed=1, **seen(1)), "/mine")]
    comparisons = compared(*folders)
    names = ["mnist (data.root=null, images 01234567)", "mnist (data.root=/mine, images fedcba98)"]
    assert [comparison.data for comparison in comparisons] == names
    assert [len(group.finished) for comparison in comparisons for group in comparison.groups] == [1, 1]
    (told,) = told_of_images([read_run(folder) for folder in folders])
    assert (
        told == "Not all runs on mnist have seen the same images, so they are compared apart: " + "; ".join(names) + "."
    )


def test_no_run_on_other_images_is_dropped_for_its_seed(make_run):
    comparisons = compared(make_run("a", **seen(0)), make_run("b", **seen(1)))
    assert [len(group.finished) for comparison in comparisons for group in comparison.groups] == [1, 1]


def test_the_same_images_elsewhere_are_the_same_data(make_run):
    folders = [make_run("a", seed=0, **seen(0)), on_root(make_run("b", seed=1, **seen(0)), "/copy")]
    (comparison,) = compared(*folders)
    assert [(group.label, len(group.finished)) for group in comparison.groups] == [("VAE", 2)]
    assert not told_of_images([read_run(folder) for folder in folders])


def test_of_earlier_runs_the_root_says_which_images(make_run):
    folders = [make_run("a", seed=0), on_root(make_run("b", seed=1), "/mine"), on_root(make_run("c", seed=2), "/mine")]
    assert [comparison.data for comparison in compared(*folders)] == [
        "mnist (data.root=null)",
        "mnist (data.root=/mine)",
    ]
    new = on_root(make_run("d", seed=3, **seen(0)), "/mine")
    comparisons = compared(*folders[1:], new)
    assert [len(group.finished) for comparison in comparisons for group in comparison.groups] == [3]
    (told,) = told_of_images([read_run(folder) for folder in [*folders[1:], new]])
    assert told.startswith("2 of 3 runs are of an earlier version")


@pytest.mark.parametrize("spelling", ["0.001", "1.0e-3"])
def test_a_value_that_is_spelled_otherwise_is_no_other_setting(make_run, spelling):
    folders = [make_run("a", settings={"learning_rate": 0.001}), make_run("b", settings={"learning_rate": spelling})]
    (comparison,) = compared(*folders)
    assert [(group.label, len(group.finished)) for group in comparison.groups] == [("VAE", 1)]


def test_a_data_set_without_a_finished_run_spoils_no_table(make_run):
    """Of all: the columns of the others were counted for it."""
    folders = [make_run("a", data="kmnist", status="failed"), make_run("b")]
    comparisons = compared(*folders)
    assert [(comparison.data, len(comparison.groups)) for comparison in comparisons] == [("kmnist", 1), ("mnist", 1)]
    assert comparisons[0].cells == {}


def test_data_sets_are_compared_apart(make_run):
    comparisons = compared(make_run("a"), make_run("b", data="kmnist"))
    assert [comparison.data for comparison in comparisons] == ["mnist", "kmnist"]
    assert [len(comparison.groups) for comparison in comparisons] == [1, 1]


def test_a_number_that_is_missing_has_its_reason(make_run):
    broken = make_run("d", model="Autoencoder")
    (broken / "evaluation.json").write_text("[]")
    folders = [
        make_run("a", evaluated=evaluation()),
        make_run("b", model="Flow", evaluated=evaluation() | {"scores": {}, "absent": {"nll": "it has bits_per_dim"}}),
        make_run("c", model="GAN"),
        broken,
    ]
    (comparison,) = compared(*folders)
    assert cell(comparison, "Flow", "nll").absent == "it has bits_per_dim"
    assert cell(comparison, "Flow", "recall").absent == "its evaluation has no such number"
    assert cell(comparison, "GAN", "nll").absent == "not evaluated; genlab evaluate RUN_FOLDER does"
    assert cell(comparison, "GAN", "test/elbo").absent == "not measured by this model"
    assert cell(comparison, "Autoencoder", "nll").absent == "evaluation.json is no table of names and values"


def test_a_seed_that_is_not_finite_is_not_averaged_away(make_run):
    folders = [make_run(str(seed), seed=seed, metrics={"test/elbo": None if seed else -98.0}) for seed in range(3)]
    (comparison,) = compared(*folders)
    assert cell(comparison, "VAE", "test/elbo").absent == "not finite with 2 of 3 seeds"


def test_a_metric_that_is_not_finite_says_so(make_run):
    folders = [make_run("a"), make_run("b", settings={"beta": 1}, metrics={"test/elbo": None})]
    (comparison,) = compared(*folders)
    assert cell(comparison, "VAE beta=1", "test/elbo").absent == "not finite"


def test_seconds_of_training_are_those_that_were_recorded(make_run):
    folders = [
        make_run("a", seed=0, evaluated=evaluation()),
        make_run("b", model="GAN", seconds_per_epoch=None, evaluated=evaluation()),
    ]
    (comparison,) = compared(*folders)
    assert cell(comparison, "VAE", "training_seconds").values == (30.0,)  # of times.csv
    assert cell(comparison, "GAN", "training_seconds").values == (172.0,)  # of the evaluation
    assert json.loads((folders[0] / "evaluation.json").read_text())["cost"]["training_seconds"] == 172.0


def test_a_speed_ranks_no_model(make_run):
    contents = [evaluation(samples_per_second=speed) for speed in (10.0, 20.0)]
    for content in contents:
        del content["cost"]
    folders = [make_run(str(i), settings={"beta": i}, evaluated=content) for i, content in enumerate(contents)]
    (comparison,) = compared(*folders)
    (column,) = [column for column in comparison.cells if column.name == "samples_per_second"]
    assert (column.kind, column.ranked) == ("cost", False)
    assert [cell(comparison, f"VAE beta={i}", "samples_per_second").mean for i in range(2)] == [10.0, 20.0]


EXACT, BOUND = "exact", "upper bound: log-mean-exp of 1000 importance samples"


def of_two_estimators(make_run, **changes):
    """A VAE and a GAN whose nll is on the same images, with these estimators."""
    folders = []
    for model, estimator, value in (("VAE", BOUND, 86.0), ("GAN", EXACT, 84.0)):
        content = evaluation(nll=value)
        content["scores"]["nll"] |= {"protocol": "binary; 10000 test images", "estimator": estimator} | changes
        folders.append(make_run(model, model=model, evaluated=content))
    return folders


def test_an_exact_likelihood_and_a_bound_on_the_same_images_share_a_column(make_run):
    (comparison,) = compared(*of_two_estimators(make_run))
    (column,) = [column for column in comparison.cells if column.name == "nll"]
    assert {group.label: cell.estimators for group, cell in comparison.cells[column].items()} == {
        "VAE": (BOUND,),
        "GAN": (EXACT,),
    }
    assert [group.label for group in comparison.means(column)] == ["GAN", "VAE"]
    assert [comparison.beside(column, group) for group in comparison.groups] == [[BOUND], [EXACT]]
    assert comparison.measured(column) == "binary; 10000 test images"


def test_an_estimator_that_all_share_is_said_once(make_run):
    (comparison,) = compared(*of_two_estimators(make_run, estimator=EXACT))
    (column,) = [column for column in comparison.cells if column.name == "nll"]
    assert [comparison.beside(column, group) for group in comparison.groups] == [[], []]
    assert comparison.measured(column) == "binary; 10000 test images; exact"


def test_scores_in_different_spaces_share_no_column_and_no_chart(make_run):
    folders = []
    for model, space in (("VAE", "folder_aaaaaaaa"), ("GAN", "folder_bbbbbbbb")):
        content = evaluation(**{f"fid_{space}": 3.0, "precision": 0.5})
        del content["scores"]["fid_mnist"]
        content["features"]["sha256"] = 32 * space[-2:]
        folders.append(make_run(space, model=model, data="folder", evaluated=content))
    (comparison,) = compared(*folders)
    names = [column.name for column in comparison.cells]
    assert {"fid_folder_aaaaaaaa", "fid_folder_bbbbbbbb"} <= set(names) and names.count("precision") == 2
    assert len(comparison.sample_scores) == 2
    assert all(len(comparison.means(column)) == 1 for column in comparison.sample_scores)
