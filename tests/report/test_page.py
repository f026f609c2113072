"""The page: everything is in it, nothing comes from elsewhere, and what strangers wrote stays text."""

import json
import math
import os
import re
from html.parser import HTMLParser

import pytest
from report.run_folders import draw_picture, evaluation, write_run

from genlab.errors import RunError
from genlab.report.galleries import KINDS, MOST_PICTURES, POSITIONS
from genlab.report.page import MOST_DETAILS, page
from genlab.report.reading import find_folders, read_run
from genlab.report.tables import table
from genlab.runs.lock import locked

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)></style>{{ 7777*7 }}</script>"


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the texts."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.words = []
        self._open = ""
        self.scripts = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open in ("script", "style"):
            self.scripts.append(data)
        else:
            self.words.append(data)

    def handle_endtag(self, tag):
        self._open = ""

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(*folders):
    return Page(page([read_run(folder) for folder in folders]))


def galleries(seen):
    return [
        json.loads(attributes["data-positions"]) for attributes in seen.all("div") if "data-positions" in attributes
    ]


def test_one_run_has_all_of_it(make_run):
    run = make_run(
        "run",
        kinds=("samples", "reconstructions", "manifold"),
        evaluated=evaluation(),
        overrides=["model.latent_dim=2"],
        settings={"latent_dim": 2},
        warnings=["collapse at epoch 2"],
        git_commit="c0ffee",
    )
    seen = page_of(run)
    for words in (
        *("VAE on mnist", "finished", "collapse at epoch 2", "c0ffee", "torch", "model.latent_dim=2"),
        *("Samples from one fixed noise", "Reconstructions, below their images", "Manifold: the latent plane decoded"),
        *("ELBO = reconstruction − KL", "KL(q(z|x) ‖ p(z))", "over seconds of training", "nll over importance samples"),
        *("91.20 ± 0.21", "10000 against 10000", "a likelihood of binary pixels has none", "no sign of it"),
        *("Classes, as the feature network sees them", "SHA-256 abababababab", "30 , without validation and pictures"),
    ):
        assert words.replace(" ,", ",") in seen.text, words
    assert galleries(seen) == [[f"epoch {epoch}" for epoch in range(4)]]
    assert "Comparison" not in seen.text


def test_the_floor_stands_beside_its_score(make_run):
    html = page([read_run(make_run("run", evaluated=evaluation()))])
    assert re.search(r'<th scope="row">fid_mnist ↓</th><td>3.2</td><td class="floor">0.4</td>', html)


def test_the_value_of_a_gan_has_the_line_of_its_optimum(make_run):
    svgs = re.findall(r'<svg class="plot".*?</svg>', page([read_run(make_run("run", model="GAN"))]), re.DOTALL)
    marked = [svg for svg in svgs if 'class="mark"' in svg]
    assert len(marked) == 2  # over epochs, over seconds
    for svg in marked:
        low, high, start, end, log = map(float, re.search(r'data-scale="[^"]*"', svg)[0][12:-1].split()[5:])
        place = float(re.search(r'class="mark" x1="[\d.]+" x2="[\d.]+" y1="([\d.]+)"', svg)[1])
        assert not log
        value = low + (place - start) / (end - start) * (high - low)
        assert value == pytest.approx(-math.log(4), abs=0.06 / (start - end) * (high - low))  # rounded to 0.1 pixel


def test_limited_runs_say_so_and_the_parameters_need_no_evaluation(make_run):
    limited = make_run("limited", parameters=815824)
    with (limited / "config.yaml").open("a") as config:
        config.write("  limit_train_batches: 100\n")
    assert "Limited: limit_train_batches=100." in page_of(limited).text
    seen = page_of(limited, make_run("whole", seed=1))
    assert "limited: limit_train_batches=100" in seen.text
    assert re.search("parameters.* 815,824", seen.text)
    assert "limited:" not in page_of(make_run("other", seed=2), make_run("another", seed=3)).text


def test_several_runs_are_compared(make_run):
    scored = {"val/fid_mnist": "2000 samples"}
    folders = [
        make_run(
            f"vae/{seed}", seed=seed, evaluated=evaluation(fid_mnist=9 + seed / 10), fid=[20, 12, 9], protocol=scored
        )
        for seed in range(3)
    ]
    folders += [
        make_run(
            f"gan/{seed}",
            model="GAN",
            seed=seed,
            evaluated=evaluation(fid_mnist=3 + seed / 10),
            fid=[30, 10, 3],
            seconds_per_epoch=50.0,
            protocol=scored,
        )
        for seed in range(3)
    ]
    seen = page_of(*folders)
    for words in (
        *("6 runs of 2 settings", "9.10 ± 0.10", "3.10 ± 0.10", "best", "[3.00, 3.20]"),
        *(
            "fid_mnist over epochs",
            "fid_mnist over seconds of training",
            "fid_mnist after training, over samples drawn",
        ),
        *("Samples at equal epochs", "Samples at equal seconds of training", "floor: training images"),
        "GAN: fid_mnist 3.1 (mean of 3 seeds) after 150 s of training, 20,000 samples a second.",
        "VAE: fid_mnist 9.1 (mean of 3 seeds) after 30 s of training, 20,000 samples a second.",
        "To the best val/fid_mnist of VAE, 9, GAN needed 150 s and VAE 30 s: VAE was faster.",
        "No other came to the 3 that GAN came to after 150 s.",
    ):
        assert words in seen.text, words


def test_the_first_thing_said_of_several_models_is_which_and_why(make_run):
    scored = {"protocol": {"val/fid_mnist": "2000 samples"}}
    folders = [make_run("a", evaluated=evaluation(), fid=[20, 12, 9], **scored)]
    folders += [make_run("b", model="GAN", evaluated=evaluation(), fid=[30, 10, 3], **scored)]
    seen = page_of(*folders)
    assert seen.text.index("which model, and why") < seen.text.index("Comparison Mean")
    assert "To the best val/fid_mnist of VAE, 9, GAN needed 30 s and VAE 30 s" in seen.text
    assert "Training until val/fid_mnist was as good as the best of … Settings GAN 3 VAE 9" in seen.text
    assert "never" in seen.text
    assert "which model, and why" not in page_of(make_run("c", seed=0), make_run("d", seed=1)).text


def test_a_loss_that_is_the_headline_again_has_no_chart(make_run):
    run = make_run("run")
    rows = (run / "metrics.csv").read_text().splitlines()
    columns = rows[0].split(",")
    at = columns.index("train/elbo")
    for sign, shown in ((-1, False), (-2, True)):
        losses = [str(sign * float(cells[at])) if cells[at] else "" for cells in (row.split(",") for row in rows[1:])]
        lines = [f"{rows[0]},train/loss", *(f"{row},{loss}" for row, loss in zip(rows[1:], losses, strict=True))]
        (run / "metrics.csv").write_text("\n".join(lines) + "\n")
        assert ('aria-label="loss"' in page([read_run(run)])) == shown


def test_samples_at_equal_seconds_are_the_last_that_were_there(make_run):
    """30 s of the one and 120 s of the other: at 60 s the first shows its last, the second its epoch 1."""
    folders = [
        make_run("a", seconds_per_epoch=10.0),
        make_run("b", model="GAN", seconds_per_epoch=40.0),
    ]
    seen = page_of(*folders)
    at = next(positions for positions in galleries(seen) if "of training" in positions[0])
    captions = [
        json.loads(attributes["data-captions"]) for attributes in seen.all("figure") if "data-captions" in attributes
    ]
    timed = [said for said in captions if len(said) == len(at) == POSITIONS and "," in said[0]]
    middle = at.index("60 s of training")
    assert [said[middle] for said in timed] == ["epoch 3, its last, 30 s", "epoch 1, 40 s"]
    assert [said[0] for said in timed] == ["epoch 0, 0.0 s", "epoch 0, 0.0 s"]


@pytest.mark.parametrize("runs", [1, 2])
def test_nothing_is_fetched_and_nothing_else_runs(make_run, runs):
    seen = page_of(*[make_run(str(i), seed=i, evaluated=evaluation()) for i in range(runs)])
    policy = next(a["content"] for a in seen.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    for tag, attributes in seen.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name in ("src", "href", "data", "action", "srcset", "xlink:href"):
                assert value.startswith(("data:", "#")), (tag, value)
    assert "http:" not in "".join(seen.scripts).replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in "".join(seen.scripts)


def poison(value):
    """The same structure with EVIL for each text and in each key that is free."""
    if isinstance(value, dict):
        return {f"{key}": poison(item) for key, item in value.items()} | {EVIL: EVIL}
    if isinstance(value, list):
        return [poison(item) for item in value]
    return EVIL if isinstance(value, str) else value


def foreign(make_run, name, **more):
    metrics = {"test/sharpness": 1.5}
    run = make_run(
        name, epochs=2, metrics=metrics, headline="sharpness", protocol={"test/sharpness": "on edges"}, **more
    )
    (run / "metrics.csv").write_text("step,epoch,val/sharpness\n100,0,1.2\n200,1,1.5\n")
    return run


def test_a_quantity_of_another_package_is_described_by_its_model(make_run):
    described = [{"name": "sharpness", "unit": "grey levels", "better": "higher", "title": "Sharpness of edges"}, 7]
    runs = [foreign(make_run, str(i), settings={"beta": i}, quantities=described) for i in range(2)]
    seen = page_of(*runs).text
    assert "Sharpness of edges over epochs" in seen
    assert "grey levels, higher is better" in seen
    assert "One seed: no test of what is best" in seen


def test_a_quantity_that_nobody_describes_is_drawn_by_its_name(make_run):
    runs = [foreign(make_run, str(i), settings={"beta": i}) for i in range(2)]
    seen = page_of(*runs).text
    assert "sharpness over epochs" in seen
    assert "test/ sharpness" in seen and "1.5" in seen
    assert {read_run(run).quantity("val/sharpness").better for run in runs} == {None}


def test_what_chooses_the_best_epoch_says_which_way_is_better(make_run):
    run = foreign(make_run, "run")
    with (run / "config.yaml").open("a") as file:
        file.write("callbacks:\n  checkpoints: {monitor: val/sharpness, mode: max}\n")
    assert read_run(run).quantity("test/sharpness").better == "higher"


def test_what_strangers_write_stays_text(tmp_path):
    good = evaluation()
    evil = poison(good)
    evil["scores"]["fid_mnist"] |= {"value": 3.0, "protocol": EVIL, "better": "lower"}
    folders = [
        write_run(
            tmp_path / f"<img src=x onerror=alert({seed})>",
            seed=seed,
            settings={"latent_dim": json.dumps(EVIL + str(seed))},
            overrides=[EVIL],
            data=json.dumps(EVIL),
            evaluated=evil,
            protocol={"test/elbo": EVIL, "val/elbo": EVIL},
            metrics={"test/elbo": -98.0, f"test/{EVIL}": 1.0},
            warnings=[EVIL],
            versions={EVIL: EVIL},
            host=EVIL,
            git_commit=EVIL,
            error=EVIL,
            started=EVIL,
            resumed=[EVIL],
            headline="elbo",
        )
        for seed in range(2)
    ]
    for folder in folders:
        content = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").write_text(json.dumps(content | {"model": EVIL}))
        metrics = (folder / "metrics.csv").read_text().splitlines()
        metrics = [metrics[0] + ',"train/' + EVIL.replace('"', '""') + '"', *(line + ",1.0" for line in metrics[1:])]
        (folder / "metrics.csv").write_text("\n".join(metrics) + "\n")
        draw_picture(folder / "images" / EVIL.replace("/", "") / "epoch_0001.png", 8, 0)
    broken = tmp_path / "<b>"
    broken.mkdir()
    (broken / "summary.json").write_text(json.dumps({"status": EVIL}))
    for runs in ([folders[0]], [*folders, broken]):
        seen = page_of(*runs)
        assert len(seen.all("script")) == 2
        assert len(seen.all("style")) == 1
        assert all(a.get("src", "data:image/webp;").startswith("data:image/webp;") for a in seen.all("img"))
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
        assert "alert(1)" not in "".join(seen.scripts)
        assert "<script>alert(1)</script>" in seen.text  # as text
        assert "{{ 7777*7 }}" in seen.text
        assert "54439" not in seen.text


def test_how_a_number_was_estimated_stands_beside_it_where_others_were_otherwise(make_run):
    folders = []
    for model, estimator in (("VAE", "upper bound: of 1000 samples"), ("GAN", "exact")):
        content = evaluation()
        content["scores"]["nll"]["estimator"] = estimator
        folders.append(make_run(model, model=model, evaluated=content))
    html = page([read_run(folder) for folder in folders])
    beside = re.findall(r"<small>(exact|upper bound)<sup>\d</sup></small>", html)
    assert beside == ["upper bound", "exact"]
    assert "<li>upper bound: of 1000 samples</li>" in html


def test_a_mean_of_some_of_the_seeds_says_of_how_many(make_run):
    folders = [make_run(str(seed), seed=seed, evaluated=evaluation() if seed < 2 else None) for seed in range(3)]
    html = page([read_run(folder) for folder in [*folders, make_run("gan", model="GAN")]])
    assert re.search(r"<td[^>]*>3\.2 ± 0<br><small>2 of 3 seeds</small>", html)
    assert "seeds</small>" not in page([read_run(folder) for folder in folders[:2]])


def test_a_broken_folder_is_listed_and_stops_nothing(make_run, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "overrides.yaml").write_text("[]")
    for folders in ([make_run("a"), broken], [make_run("b"), broken, make_run("c")]):
        seen = page_of(*folders)
        assert "broken" in seen.text
        assert "has no summary.json" in seen.text
        assert f"{len(folders) - 1} run" in seen.text


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_has_not_finished_shows_what_it_has(make_run, status):
    run = make_run("run", status=status, error="NonFiniteError: it diverged" if status == "failed" else None)
    with locked(run):
        seen = page_of(run)
    assert f"This run is {status}" in seen.text
    assert "ELBO = reconstruction − KL" in seen.text
    assert ("it diverged" in seen.text) == (status == "failed")


def test_curves_that_are_not_read_say_why(make_run, monkeypatch):
    run = make_run("run")
    monkeypatch.setattr("genlab.runs.metrics.LARGEST", 100)
    assert re.search(r"No curves: \S*metrics\.csv: larger than", page_of(run).text)


def test_an_evaluation_of_another_version_says_so(make_run):
    run = make_run("run", evaluated={"version": 9, "results": {"fid": 3.0}, "scores": [{"name": "fid"}]})
    assert "evaluation.json has no scores that this version of genlab knows" in page_of(run).text


def test_a_run_that_has_only_begun_is_no_error(make_run):
    run = make_run("run", status="running", rows=False, kinds=(), seconds_per_epoch=None, epochs=0)
    (run / "config.yaml").unlink()
    with locked(run):
        seen = page_of(run, make_run("other"))
    assert "No curves: metrics.csv has no rows yet" in seen.text


DAMAGES = {
    "summary.json": [
        *('{"status": "finished", "\\ud800": 1}', '{"status": "finished", "metrics": {"test/elbo": Infinity}}'),
        *("", "[]", "{", '{"status": "done"}', '{"status": "finished", "warnings": 3}', "[" * 100_000),
    ],
    "config.yaml": ["{", "a: &a [1]\nb: *a", "!!python/object:os.system {}", "\0", "a: " + "[" * 50],
    "metrics.csv": ["", "step\n1\n", "a,b\n1\n", '"', "step,val/elbo\n" + "1,1e999\n"],
    "evaluation.json": ["", "[]", '{"scores": 3}', '{"scores": {"a": {"value": NaN}}}', "[" * 100_000, "1" * 5000],
    "times.csv": [
        "",
        "epoch\n",
        "epoch,step,seconds\n0,1,nan\n",
        "epoch,step,seconds\n0,9,1e308\n",
        f"epoch,step,seconds\n0,1{0:0400},9\n",
        "epoch,step,seconds\n0,9,9\n1,8,8\n",
    ],
    "overrides.yaml": ["{", "3", "- 3"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in DAMAGES.items() for text in texts])
def test_a_damaged_file_stops_no_page(make_run, name, text):
    run = make_run("run", evaluated=evaluation())
    (run / name).write_text(text)
    other = make_run("other", seed=1)
    seen = page_of(run, other)
    if name in ("summary.json", "config.yaml"):
        assert "broken" in seen.text
    assert "VAE" in seen.text
    for form in ("markdown", "csv", "json"):
        assert "VAE" in table([read_run(run), read_run(other)], form)


@pytest.mark.parametrize("value", [".inf", ".nan", "1" + "0" * 400, "0x" + "f" * 5000, "{a: 2020-01-01}", '"\\ud800"'])
def test_a_setting_of_any_value_stops_no_report(make_run, value):
    run, other = make_run("run", settings={"beta": value}), make_run("other", seed=1)
    assert "2 runs of 2 settings" in page_of(run, other).text
    for form in ("markdown", "csv", "json"):
        assert "VAE" in table([read_run(run), read_run(other)], form)


@pytest.mark.parametrize("value", [None, True, "3", [], {}, 1e308, -1e308, 10**400, 5e-324])
def test_a_score_of_any_type_stops_no_page(make_run, value):
    content = evaluation()
    sections = ("scores", "absent", "curves", "classes", "memorisation", "pictures", "cost", "features")
    runs = [
        make_run(section, seed=seed, kinds=(), evaluated=content | {section: value})
        for seed, section in enumerate(sections)
    ]
    inner = {
        "scores": {"fid_mnist": {"value": value, "floor": value, "better": value, "protocol": value}, "b": value},
        "absent": {"a": value},
        "curves": {"a": {"x": value, "points": [{"x": value, "value": value}, value]}, "b": {"points": value}},
        "classes": {"samples": [value] * 10, "test": value},
        "memorisation": {"pixels": {"samples": value}, "verdict": value},
        "pictures": {"a": value},
        "cost": {"training_seconds": value, "samples_per_second": value},
        "features": {"name": value, "sha256": value, "test_accuracy": value},
    }
    runs.append(make_run("inner", model="GAN", kinds=(), evaluated=inner))
    assert "9 runs of 2 settings" in page_of(*runs).text


def test_pictures_are_files_of_the_run_alone(make_run, tmp_path):
    draw_picture(tmp_path / "secret.png", 8, 0)
    run = make_run(
        "run", evaluated=evaluation() | {"pictures": {"a": "../secret.png", "b": str(tmp_path / "secret.png")}}
    )
    (run / "images" / "samples" / "epoch_0009.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(run / "images" / "samples" / "epoch_0010.png")
    (run / "images" / "linked").symlink_to(tmp_path)
    read = read_run(run)
    assert read.evaluation.pictures == {}
    assert max(read.pictures["samples"]) == 3
    assert set(read.pictures) == {"samples"}


def test_many_runs_make_a_page_that_is_no_larger(tmp_path):
    """Of 60 runs a dozen have pictures, and few of these."""
    folders = [
        write_run(
            tmp_path / str(i), seed=i % 3, settings={"latent_dim": i // 3}, epochs=5, kinds=("samples", "manifold")
        )
        for i in range(60)
    ]
    html = page([read_run(folder) for folder in folders])
    assert html.count("data:image/webp") <= MOST_PICTURES + 2 * POSITIONS * MOST_DETAILS
    assert html.count("data:image/webp") >= MOST_DETAILS * 4
    seen = Page(html)
    assert "Each run, of the 12 pictured" in seen.text
    assert "Pictured are the best 12 of 20 settings" in seen.text
    assert "Coloured are 16 of 20 settings, the best" in seen.text
    assert seen.text.count("latent_dim=19") >= 4  # in the tables all are there
    assert KINDS * MOST_DETAILS < MOST_PICTURES


def test_the_best_settings_are_pictured(tmp_path):
    folders = [
        write_run(tmp_path / str(i), settings={"latent_dim": i}, metrics={"test/elbo": -100.0 - (i - 9) ** 2})
        for i in range(14)
    ]
    html = page([read_run(folder) for folder in folders])
    pictured = re.findall(r"<summary>VAE latent_dim=(\d+)", html)
    assert pictured == sorted(map(str, range(2, 14)), key=lambda i: (abs(int(i) - 9), int(i)))


def test_folders_are_found_below_a_sweep_and_by_patterns(make_run, tmp_path):
    for name in ("sweeps/a/0", "sweeps/a/10", "sweeps/a/9", "vae/x"):
        make_run(name)
    found = find_folders([str(tmp_path / "sweeps")])
    assert [folder.name for folder in found] == ["0", "9", "10"]
    assert find_folders([str(tmp_path / "sweeps/a/*"), str(tmp_path / "sweeps/a/9")]) == found
    assert len(find_folders([str(tmp_path / "**")])) == 4
    assert find_folders([str(tmp_path / "vae/x/images")]) == [tmp_path / "vae/x/images"]
    with pytest.raises(RunError, match=r"times.csv: a file, and no folder of a run"):
        find_folders([str(tmp_path / "vae/x/times.csv")])
    for name in ("absent", "absent*", "sweeps/a/9/im*", ""):
        with pytest.raises(RunError, match="no such folder"):
            find_folders([name and str(tmp_path / name)])
