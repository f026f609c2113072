"""The page in a real browser: it computes what torch computes, and can be touched."""

import base64
import io
import re

import pytest
import torch
from browser import chromium, watched
from PIL import Image

from genlab.models.autoencoder import Autoencoder
from genlab.models.flow import Flow
from genlab.models.flow_matching import FlowMatching
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.report.explorer import BITS, SNAPSHOT_BITS
from genlab.report.explorer.computed import Computed
from genlab.report.explorer.packing import packed, quantized
from genlab.report.explorer.page import page as explorer_page
from genlab.report.page import page as report_page
from genlab.report.reading import read_run
from genlab.runs.reload import load

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE, DESKTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser, write_page):
    """opened([exhibit, …]): the page; at the end nothing was complained of and nothing else was asked for."""
    contexts = []

    def open_page(exhibits, **context):
        file = write_page(exhibits)
        context = watched(browser, **context)
        page, complaints, requests = context.__enter__()
        contexts.append((context, complaints, requests, file))
        page.goto(file.as_uri())
        page.locator("main:not([hidden])").wait_for()
        return page

    yield open_page
    for context, complaints, requests, file in contexts:
        context.__exit__(None, None, None)
        assert complaints == []
        assert requests == [file.as_uri()]


def livelier(model):
    """With weights that make pictures of all greys, as training does; those of a new model make grey ones only."""
    torch.manual_seed(1)
    model.requires_grad_(False)
    if isinstance(model, GAN):
        network = (model.averaged_generator or model.generator).train()
        for _ in range(30):  # of batch norm's statistics
            network(torch.randn(64, model.latent_dim))
    else:
        for value in model.parameters():
            value.mul_(2 if value.ndim > 1 else 1)
    return model.eval()


MODELS = {
    "vae": lambda: VAE(),
    "vae convolutional gelu": lambda: VAE(architecture="convolutional", activation="gelu", hidden_dims=[64]),
    "autoencoder": lambda: Autoencoder(latent_dim=3),
    "gan": lambda: GAN(),
    "gan convolutional averaged": lambda: GAN(architecture="convolutional", latent_dim=10, ema_decay=0.9),
}

COMPUTED = """async (points) => {
    const model = new Model(JSON.parse(document.querySelector("#data").textContent)[0]);
    await model.load();
    const {mean, scale} = model.about;
    return points.map((z) => {
        model.move(z.map((value, i) => (value - mean[i]) / scale[i]));
        const picture = [...model.picture()];
        return [picture, model.discriminator ? model.logit(Float32Array.from(picture)) : null];
    });
}"""


@pytest.mark.parametrize("name", MODELS)
def test_a_picture_is_torchs_within_one_grey_level(opened, exhibited, name):
    model = livelier(MODELS[name]())
    page = opened([exhibited(model)])
    z = torch.randn(20, model.latent_dim, generator=torch.Generator().manual_seed(0))
    computed = page.evaluate(COMPUTED, z.tolist())
    pictures = torch.tensor([picture for picture, _ in computed])
    wanted = model.decode(z)
    assert wanted.std() > 0.02
    levels = (255 * pictures).round() - (255 * wanted.flatten(1)).round()
    assert levels.abs().max() <= 1
    if isinstance(model, GAN):
        logits = torch.tensor([logit for _, logit in computed])
        torch.testing.assert_close(logits, model.judge(wanted), rtol=0.02, atol=0.02)  # eleven bits a weight


BOUND = """async (images) => {
    const model = new Model(JSON.parse(document.querySelector("#data").textContent)[0]);
    await model.load();
    return images.map((image) => {
        model.explain({image: Float32Array.from(image)});
        const {elbo, reconstruction, kl} = model.bound();
        return [elbo, reconstruction, kl];
    });
}"""


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_the_bound_and_its_parts_are_torchs(opened, exhibited, architecture):
    model = livelier(VAE(architecture=architecture, hidden_dims=[100], latent_dim=5))
    shown = exhibited(model)
    x = (torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    computed = torch.tensor(opened([shown]).evaluate(BOUND, x.flatten(1).tolist()), dtype=torch.float64).T
    noise = torch.tensor(shown["noise"]).unsqueeze(1).expand(-1, len(x), -1)
    parts = ("elbo", "reconstruction", "kl")
    for part, here in zip(parts, computed, strict=True):
        torch.testing.assert_close(here, model.bounds(x, noise)[part].double(), rtol=1e-3, atol=1e-3)
    for value in model.parameters():  # with the weights that the page holds, it is exact but for rounding
        if value.ndim > 1:
            steps, scales = quantized(value, BITS)
            value.copy_((steps * scales.unsqueeze(1)).view_as(value))
    model.double()
    for part, here in zip(parts, computed, strict=True):
        torch.testing.assert_close(here, model.bounds(x.double(), noise.double())[part], rtol=0, atol=1e-3)


COMPUTED_OF_LABELS = """async (points) => {
    const model = new Model(JSON.parse(document.querySelector("#data").textContent)[0]);
    await model.load();
    return points.map((z, label) => {
        model.tell(label);
        model.move(z);
        return model.logit(Float32Array.from(model.picture()));
    });
}"""

OF_LABELS = """async ([points, images]) => {
    const model = new Model(JSON.parse(document.querySelector("#data").textContent)[0]);
    await model.load();
    return points.map((z, label) => {
        model.tell(label);
        model.move(z);
        const picture = [...model.picture()];
        model.explain({image: Float32Array.from(images[label])});
        const {elbo, kl} = model.bound();
        return {picture, elbo, kl};
    });
}"""


def labelled(model):
    """With embeddings of labels, which are zero in a new model."""
    model = livelier(model)
    for name, value in model.named_parameters():
        if "embedding" in name:
            value.normal_(0, 0.5)
    return model


@pytest.mark.parametrize("architecture", ["mlp", "convolutional"])
def test_a_class_is_chosen(opened, exhibited, architecture):
    model = labelled(VAE(conditional=True, architecture=architecture, latent_dim=4, hidden_dims=[64]))
    shown, labels = exhibited(model), torch.arange(10)
    assert shown["bound"]
    page = opened([shown], viewport=DESKTOP)
    generator = torch.Generator().manual_seed(0)
    z, x = torch.randn(10, 4, generator=generator), (torch.rand(10, 1, 28, 28, generator=generator) < 0.2).float()
    computed = page.evaluate(OF_LABELS, [z.tolist(), x.flatten(1).tolist()])
    pictures = torch.tensor([each["picture"] for each in computed])
    assert ((255 * pictures).round() - (255 * model.decode(z, labels).flatten(1)).round()).abs().max() <= 1
    bounds = model.bounds(x, torch.tensor(shown["noise"]).unsqueeze(1).expand(-1, 10, -1), labels=labels)
    for part in ("elbo", "kl"):
        torch.testing.assert_close(torch.tensor([each[part] for each in computed]), bounds[part], rtol=1e-3, atol=1e-3)
    before = pixels(page, PICTURE)
    page.locator("#classes select").select_option("7")
    two_frames(page)
    assert pixels(page, PICTURE) != before


def test_a_conditional_discriminator_is_told_the_class(opened, exhibited):
    model = labelled(GAN(conditional=True, latent_dim=8))
    page = opened([exhibited(model)])
    z = torch.randn(10, 8, generator=torch.Generator().manual_seed(0))
    computed = page.evaluate(COMPUTED_OF_LABELS, z.tolist())
    images = model.decode(z, torch.arange(10))
    torch.testing.assert_close(torch.tensor(computed), model.judge(images, torch.arange(10)), rtol=0.02, atol=0.02)


def pixels(page, selector):
    """The PNG of a canvas."""
    return page.locator(selector).first.evaluate("(canvas) => canvas.toDataURL()")


def brightest(page, selector):
    png = base64.b64decode(pixels(page, selector).partition(",")[2])
    return Image.open(io.BytesIO(png)).convert("L").getextrema()[1]


PICTURE = ".stage figure:first-child canvas"


@pytest.fixture
def explorer(opened, exhibited, plane):
    """The page of the run in two dimensions."""
    return lambda **context: opened([exhibited(load(plane))], **context)


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_the_point_is_dragged_and_the_picture_follows(explorer, viewport, scheme):
    page = explorer(viewport=viewport, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]  # nothing sticks out
    page.locator(".panel[data-ready]").wait_for()
    plane = page.locator(".overlay")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    seen = []
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    for place in (0.5, 0.1, 0.9):
        page.mouse.move(box["x"] + place * box["width"], box["y"] + 0.25 * box["height"])
        page.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        seen.append((page.locator(".slider output").all_inner_texts(), pixels(page, PICTURE)))
    page.mouse.up()
    assert len(set(picture for _, picture in seen)) == 3
    values = torch.tensor([sorted(float(text.replace("−", "-")) for text in texts) for texts, _ in seen])
    torch.testing.assert_close(values, torch.tensor([[0.0, 1.5], [-2.4, 1.5], [1.5, 2.4]]), rtol=0, atol=0.05)


def two_frames(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_drawing_has_a_code_a_reconstruction_and_a_bound(explorer):
    page = explorer(viewport=DESKTOP)
    box = page.locator("#pad").bounding_box()
    before = pixels(page, PICTURE)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    two_frames(page)
    assert pixels(page, PICTURE) != before
    words = page.locator(".numbers").inner_text()
    numbers = [float(number.replace("−", "-")) for number in re.findall(r"−?\d+\.\d\d", words)]
    assert numbers[0] == pytest.approx(numbers[1] - numbers[2], abs=0.011)
    assert brightest(page, ".stage figure:nth-child(2) canvas") == 255
    page.get_by_role("button", name="Clear").click()
    two_frames(page)
    assert page.locator(".numbers").inner_text() == ""


def test_a_finger_draws(explorer):
    page = explorer(viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator("#pad").scroll_into_view_if_needed()
    page.locator("#pad").tap()
    page.locator(".numbers .elbo").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_keyboard_moves_the_point_and_draws(explorer):
    page = explorer(viewport=DESKTOP)
    page.get_by_role("button", name="Centre").click()
    page.locator(".overlay").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    two_frames(page)
    sliders = dict(row.split("\n") for row in page.locator(".slider").all_inner_texts())
    assert sliders == {"latent 1": "0.20", "latent 2": "0.50"}
    page.locator("#pad").focus()
    for key in (" ", "ArrowDown", "ArrowDown", " "):
        page.keyboard.press(key)
    page.locator(".numbers .elbo").wait_for()
    slider = page.get_by_role("slider", name="latent 1")
    slider.focus()
    slider.press("Home")
    two_frames(page)
    assert slider.input_value() == "-4"
    assert page.locator(".numbers").inner_text() == ""


def test_a_test_image_is_shown_under_the_pointer_and_chosen(explorer):
    page = explorer(viewport=DESKTOP)
    page.locator(".panel[data-ready]").wait_for()
    page.locator("#images button").first.click()
    two_frames(page)
    place = page.locator(".slider").all_inner_texts()
    x, y = (float(dict(row.split("\n") for row in place)[f"latent {i}"].replace("−", "-")) for i in (1, 2))
    page.locator(".overlay").scroll_into_view_if_needed()
    box = page.locator(".overlay").bounding_box()
    page.mouse.move(box["x"] + (x + 3) / 6 * box["width"], box["y"] + (3 - y) / 6 * box["height"])
    page.locator("#hover:not([hidden])").wait_for()
    assert page.locator("#hover").inner_text().startswith("test image of class ")
    page.mouse.move(1, 1)
    assert page.locator("#hover").is_hidden()


def test_sample_walk_and_interpolation_change_the_picture(explorer):
    page = explorer(viewport=DESKTOP)
    seen = [pixels(page, PICTURE)]
    page.get_by_role("button", name="Another sample").click()
    two_frames(page)
    seen.append(pixels(page, PICTURE))
    page.get_by_role("button", name="Walk").click()
    page.wait_for_function(
        "(before) => document.querySelector('.slider output').value !== before",
        arg=page.locator(".slider output").first.inner_text(),
    )
    page.get_by_role("button", name="Walk").click()
    for value in ("0.3", "1"):
        page.locator("#between").fill(value)
        two_frames(page)
        seen.append(pixels(page, PICTURE))
    assert len(set(seen)) == len(seen)


def test_two_runs_share_a_point_and_a_drawing(opened, exhibited, plane):
    model = load(plane)
    other = livelier(VAE(latent_dim=2, hidden_dims=[16]))
    page = opened([exhibited(model, "one"), exhibited(other, "other")], viewport=DESKTOP)
    page.get_by_role("button", name="Another sample").click()
    two_frames(page)
    first, second = (page.locator(".panel").nth(i).locator(".slider") for i in (0, 1))
    assert sorted(first.all_inner_texts()) == sorted(second.all_inner_texts())
    page.locator("#pad").click()
    two_frames(page)
    assert sorted(first.all_inner_texts()) != sorted(second.all_inner_texts())
    assert page.locator(".numbers .elbo").count() == 2


def test_names_with_html_in_them_do_nothing(opened, exhibited, plane):
    evil = "</script><img src=x onerror=\"document.title='evil'\"><b>"
    shown = exhibited(load(plane), evil)
    shown |= {"model": evil, "data": evil, "classes": [evil] * 10, "facts": [[evil, "1", evil]], "sentences": [evil]}
    page = opened([shown, shown], viewport=DESKTOP)
    page.locator("#images button").first.click()
    two_frames(page)
    assert "evil" not in page.title()
    assert page.locator("img").count() == 0
    assert evil in page.locator(".panel h2").first.inner_text()


WAYS = {
    "t": lambda: FlowMatching(channels=(4, 4)),
    "layers": lambda: Flow(architecture="mlp", couplings=24, hidden_dims=[8]),
}


@pytest.mark.parametrize("axis", WAYS)
def test_a_way_from_noise_is_a_slider(opened, exhibited, axis):
    torch.manual_seed(0)
    model = WAYS[axis]().eval().requires_grad_(False)
    for value in model.parameters():  # of which the last layers are zero at the start
        value.add_(0.3 * torch.randn_like(value))
    page = opened([exhibited(model)], viewport=PHONE)
    slider = page.get_by_role("slider", name=f"{axis}, from noise to picture")
    seen = {}
    for key in ("End", "ArrowLeft", "Home"):
        slider.press(key)
        seen[page.locator("output").last.inner_text()] = pixels(page, ".ways canvas")
    assert list(seen) == [f"{axis} = {share}" for share in ("1.00", "0.96", "0.00")]
    assert len(set(seen.values())) == 3


def test_printed_it_shows_picture_and_plane(explorer, tmp_path):
    page = explorer(viewport=DESKTOP)
    page.locator(".panel[data-ready]").wait_for()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without Chromium's margins, at 96 pixels an inch
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    assert page.locator("#another, #between, #drawing").filter(visible=True).count() == 0
    assert page.locator(".panel").bounding_box()["width"] > 600
    assert page.locator(".facts table").bounding_box()["height"] > 50  # though it is folded on the screen
    page.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").stat().st_size > 20_000


def test_it_runs_inside_a_report(browser, exhibited, plane, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(report_page([read_run(plane)], explorer=explorer_page([exhibited(load(plane))])), encoding="utf-8")
    with watched(browser, viewport=DESKTOP) as (page, complaints, requests):
        page.goto(file.as_uri())
        page.locator("#explorer iframe").scroll_into_view_if_needed()  # what is out of sight draws no frames
        inside = page.frame_locator("#explorer iframe")
        inside.locator(".panel[data-ready]").wait_for()
        inside.locator("#images button").first.click()
        inside.locator(".numbers .elbo").wait_for()
        assert complaints == []
        assert [request for request in requests if request != "about:srcdoc"] == [file.as_uri()]


def test_the_epoch_slider_replays_training(opened, exhibited):
    """The weights of an earlier epoch in eight bits, and what was drawn keeps being explained."""
    shown, other = (exhibited(livelier(VAE(latent_dim=2, hidden_dims=[16]))) for _ in range(2))
    earlier = livelier(VAE(latent_dim=2, hidden_dims=[16]))
    earlier.decoder[0][2].bias.fill_(-3.0)
    tensors = Computed(earlier)
    kept = {"epoch": 0, "bits": SNAPSHOT_BITS, "weights": packed(tensors.tensors(tensors.numbers), SNAPSHOT_BITS)}
    shown["epochs"] = [kept, {**other["epochs"][0], "epoch": 4}]
    page = opened([shown], viewport=DESKTOP)
    slider = page.get_by_role("slider", name="epoch of training")
    page.locator("#images button").nth(3).click()
    seen = {}
    for key in ("End", "Home"):
        slider.press(key)
        two_frames(page)
        seen[page.locator("#epochs output").inner_text()] = pixels(page, PICTURE), page.locator(".elbo").inner_text()
    assert list(seen) == ["after epoch 4", "after epoch 0"]
    assert len({picture for picture, _ in seen.values()}) == len({bound for _, bound in seen.values()}) == 2
