"""The page in a real browser: curves and pictures are seen, sliders move, nothing is asked of the network."""

from datetime import datetime
from pathlib import Path

import pytest
from browser import chromium, watched
from report.run_folders import evaluation, write_run

from genlab.report.page import page
from genlab.report.reading import read_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE, DESKTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Number of runs → a page about them."""
    folder = tmp_path_factory.mktemp("runs")
    folders = [
        write_run(
            folder / str(i),
            model=("VAE", "GAN")[i % 2],
            seed=i // 2 % 3,
            settings={"latent_dim": 2 + i // 6},
            kinds=("samples", "reconstructions"),
            size=232,
            evaluated=evaluation(fid_mnist=3 + i / 10),
            fid=[30, 10, 3],
            seconds_per_epoch=(10.0, 40.0)[i % 2],
            status="interrupted" if i == 11 else "finished",
        )
        for i in range(12)
    ]
    found = {}
    for count in (1, 12):
        found[count] = folder / f"{count}.html"
        found[count].write_text(page([read_run(run) for run in folders[:count]]), encoding="utf-8")
    return found


@pytest.fixture(params=[(1, PHONE, "dark"), (12, PHONE, "light"), (1, DESKTOP, "light"), (12, DESKTOP, "dark")])
def opened(request, browser, pages):
    """(runs, page): opened, and at the end nothing was complained of and nothing else was asked for."""
    count, viewport, scheme = request.param
    with watched(browser, viewport=viewport, color_scheme=scheme) as (page, complaints, requests):
        page.goto(pages[count].as_uri())
        yield count, page
        assert complaints == []
        assert requests == [pages[count].as_uri()]


BOXES = """selector => [...document.querySelectorAll(selector)]
    .filter(found => found.checkVisibility())
    .map(found => found.getBoundingClientRect())
    .map(({left, right, width, height}) => ({left, right, width, height}))"""


def drawn(page, selector):
    """Bounding boxes of what is visible."""
    return page.evaluate(BOXES, selector)


def test_curves_and_pictures_are_seen(opened):
    count, page = opened
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    lines, images, texts = (drawn(page, selector) for selector in ("svg polyline", ".strips img", "svg text"))
    assert len(lines) >= (6 if count == 1 else 60)
    assert all(line["width"] > 20 and line["height"] > 5 for line in lines)
    assert len(images) >= (3 if count == 1 else 40)
    assert all(image["width"] >= 90 and abs(image["width"] - image["height"]) < 1 for image in images)
    assert all(image["left"] >= 0 and image["right"] <= width for image in images)
    assert min(min(text["width"], text["height"]) for text in texts) >= 5  # pixels of the narrowest digit
    assert min(max(text["width"], text["height"]) for text in texts) >= 10
    assert page.evaluate("[...document.images].filter((i) => i.checkVisibility() && !i.naturalWidth).length") == 0


def test_the_slider_shows_another_epoch(opened):
    _, page = opened
    gallery = page.locator(".gallery").first
    slider, output, image = gallery.locator("input"), gallery.locator("output"), gallery.locator("img").first
    shown = {}
    slider.focus()
    for key in ("End", "ArrowLeft", "Home"):
        slider.press(key)
        shown[output.inner_text()] = image.get_attribute("src")
    assert list(shown) == ["epoch 3", "epoch 2", "epoch 0"]
    assert len(set(shown.values())) == 3
    assert "epoch 0" in gallery.locator(".caption").first.inner_text()
    slider.press("End")
    assert image.get_attribute("src") == shown["epoch 3"]


def test_runs_that_are_not_compared_are_folded_behind_a_filter(browser, tmp_path):
    good = read_run(write_run(tmp_path / "good", evaluated=evaluation(), settings={"beta": 4}))
    other = read_run(write_run(tmp_path / "other", model="GAN", evaluated=evaluation()))
    tried = read_run(write_run(tmp_path / "tried", overrides=["debug=fast"]))
    (tmp_path / "page.html").write_text(page([good, other], {"for debugging": [tried]}), encoding="utf-8")
    with watched(browser, viewport=PHONE) as (opened, complaints, _):
        opened.goto((tmp_path / "page.html").as_uri())
        rows, words = opened.locator("#runs tbody tr:visible th"), opened.get_by_role("searchbox")
        shown = lambda: [Path(name).name for name in rows.all_inner_texts()]  # noqa: E731
        assert shown() == ["good", "other"]
        opened.get_by_label("1 for debugging").check()
        assert shown() == ["good", "other", "tried"]
        words.fill("debug=fast")  # what was typed
        assert shown() == ["tried"]
        words.fill("GAN other")
        assert shown() == ["other"]
        assert opened.locator("#details > details:visible").count() == 1
        words.fill("")
        opened.get_by_label("1 for debugging").uncheck()
        assert shown() == ["good", "other"] and complaints == []


def test_the_slider_over_seconds_shows_what_was_there_at_each(browser, pages):
    with watched(browser) as (page, complaints, _):
        page.goto(pages[12].as_uri())
        gallery = page.locator("#samples .gallery").nth(1)
        slider, captions = gallery.locator("input"), gallery.locator(".caption")
        slider.focus()
        slider.press("Home")
        assert gallery.locator("output").inner_text() == "0.0 s of training"
        assert captions.all_inner_texts() == ["epoch 0, 0.0 s"] * captions.count()
        slider.press("End")
        assert gallery.locator("output").inner_text() == "120 s of training"
        assert set(captions.all_inner_texts()) == {"epoch 3, its last, 30 s", "epoch 3, 120 s"}
        assert complaints == []


RATIO = """() => {
    const [ground, ...inks] = ["page", "text", "soft", "link", "good", "bad", "warn"].map((name) => {
        const probe = document.createElement("i");
        probe.style.color = `var(--${name})`;
        document.body.append(probe);
        const levels = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map((level) => level / 255)
            .map((level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4));
        return 0.2126 * levels[0] + 0.7152 * levels[1] + 0.0722 * levels[2];
    });
    return inks.map((ink) => (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
}"""


@pytest.mark.parametrize(("scheme", "media"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_texts_stand_out_from_the_page(browser, pages, scheme, media):
    """At 4.5 to 1, the least that WCAG 2 asks for, also on the paper of someone whose system is dark."""
    with watched(browser, color_scheme=scheme) as (page, _, _):
        page.goto(pages[1].as_uri())
        page.emulate_media(media=media)
        assert min(page.evaluate(RATIO)) >= 4.5


def test_the_time_lapse_plays_to_its_end(browser, pages):
    with watched(browser) as (page, complaints, _):
        page.clock.install(time=datetime(2026, 1, 1))
        page.goto(pages[1].as_uri())
        page.clock.pause_at(datetime(2026, 1, 2))  # else it goes on, and a slow machine sees a later epoch
        page.get_by_role("button", name="play").click()
        assert page.locator("output").inner_text() == "epoch 0"
        page.clock.run_for(400 * 2)
        assert page.locator("output").inner_text() == "epoch 2"
        page.clock.run_for(400 * 5)
        assert page.locator("output").inner_text() == "epoch 3"
        assert complaints == []


def test_a_pointer_reads_the_values_of_a_curve(browser, pages):
    with watched(browser, viewport=DESKTOP) as (page, complaints, _):
        page.goto(pages[1].as_uri())
        plot = page.locator("svg.plot").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
        said = page.locator(".readout").inner_text().splitlines()
        assert said[0] in ("3 epochs", "2.9 epochs")
        values = {name: float(value.replace("−", "-")) for name, value in (line.split(": ") for line in said[1:])}
        assert values["validation"] == pytest.approx(-98 - 100 / 300**0.5, abs=0.2)  # as run_folders has it
        page.mouse.move(5, 5)
        assert page.locator(".readout").is_hidden()
        assert complaints == []


def test_without_scripts_the_last_epoch_is_there(browser, pages):
    with watched(browser, java_script_enabled=False) as (page, _, requests):
        page.goto(pages[1].as_uri())
        assert page.locator("img[src]").count() == 3
        assert len(requests) == 1


def test_the_contents_lead_to_a_run_and_open_it(browser, pages):
    with watched(browser) as (page, complaints, _):
        page.goto(pages[12].as_uri())
        page.locator("#runs a").nth(5).click()
        # the page opens it when it hears of its new address
        page.locator("details[open] svg").first.wait_for()
        assert page.locator("details[open]").count() == 1
        assert complaints == []


def test_printed_it_has_every_run(browser, pages, tmp_path):
    with watched(browser) as (page, complaints, _):
        page.goto(pages[12].as_uri())
        page.set_viewport_size({"width": 718, "height": 1000})  # A4 without Chromium's margins, at 96 pixels an inch
        page.emulate_media(media="print")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == 718  # nothing sticks out
        page.reload()
        page.pdf(path=tmp_path / "page.pdf")
        assert page.locator("#details > details[open]").count() == 12
        assert (tmp_path / "page.pdf").stat().st_size > 50_000
        assert complaints == []
