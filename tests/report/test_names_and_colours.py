"""Names that fit into a legend, and colours that no two models share."""

from report.run_folders import evaluation, write_run

from genlab.report.charts import COLOURS, GREY
from genlab.report.grouping import group_runs
from genlab.report.overlays import styles_of
from genlab.report.page import page
from genlab.report.reading import read_run

USUAL = {"latent_dim": 20, "learning_rate": 0.001, "architecture": "mlp", "beta": 1.0}


def test_long_names_say_what_is_unusual_and_a_key_says_all(tmp_path):
    unusual = [{}, {}, {"latent_dim": 2}, {"learning_rate": 0.01, "architecture": "convolutional", "beta": 4.0}]
    unusual += [{"learning_rate": 0.01, "architecture": "convolutional", "beta": 5.0}, {"beta": 6.0}, {"beta": 7.0}]
    runs = [
        read_run(write_run(tmp_path / str(at), seed=at, settings=USUAL | other, evaluated=evaluation()))
        for at, other in enumerate(unusual)
    ]
    groups = group_runs(runs)
    assert [group.label for group in groups] == [
        "VAE base",
        "VAE latent_dim=2",
        "VAE lr=0.01 arch.=conv. +1",
        "VAE lr=0.01 arch.=conv. +1 #2",
        "VAE beta=6.0",
        "VAE beta=7.0",
    ]
    assert groups[0].full == "VAE latent_dim=20 learning_rate=0.001 architecture=mlp beta=1.0"
    html = page(runs)
    assert html.count(f"<dd>{groups[3].full}</dd>") == 1  # in the key
    assert '<details class="part" id="comparison">' in html  # on demand, behind the answer


def test_no_abbreviation_stands_for_two_names_or_two_values(tmp_path):
    settings = [{}, {}, {"learning_rate": 0.01, "left_right": 0.5, "activation": "saturating", "beta": 2.0}]
    settings += [{"activation": "saturation", "architecture": "convolutional", "beta": 3.0}]
    usual = USUAL | {"left_right": 0.0, "activation": "relu"}
    runs = [write_run(tmp_path / str(at), seed=at, settings=usual | each) for at, each in enumerate(settings)]
    labels = {group.label for group in group_runs([read_run(run) for run in runs])}
    assert labels == {"VAE base", "VAE learning_rate=0.01 beta=2.0 +2", "VAE architecture=conv. beta=3.0 +1"}


def test_two_models_never_share_a_colour(tmp_path):
    models = ["VAE", "GAN", "VAE", "Flow", *["VAE"] * 12, *["GAN"] * 4]
    groups = group_runs(
        [read_run(write_run(tmp_path / str(at), model=model, settings={"beta": at})) for at, model in enumerate(models)]
    )
    order = sorted(groups, key=lambda group: int(group.varied.get("model.beta", 3)))
    styles = styles_of(order)
    owners = {}
    for group, style in styles.items():
        if style != GREY:
            owners.setdefault(style % COLOURS, set()).add(group.model)
    assert len(owners) == COLOURS and all(len(models) == 1 for models in owners.values())
    assert len({style for style in styles.values() if style != GREY}) == sum(s != GREY for s in styles.values())
    assert sum(style == GREY for style in styles.values()) > 0
