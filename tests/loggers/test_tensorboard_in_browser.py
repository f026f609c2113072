"""TensorBoard itself, started by the command that a run ends with, looked at in a real browser."""

import re
import shlex
import subprocess
import sys

import pytest
from browser import chromium, watched
from conftest import stand_in_config

from genlab.training.train import train

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EPOCHS, BATCHES = 12, 2  # more pictures than the ten that TensorBoard keeps by itself
QUICK = ["data.batch_size=50", f"trainer.max_epochs={EPOCHS}", f"++trainer.limit_train_batches={BATCHES}"]
QUICK += ["model.hidden_dims=[16]", "model.latent_dim=3", "callbacks.test_nll.images=2", "callbacks.test_nll.samples=2"]
QUICK += [f"callbacks.{kind}.every_n_epochs=50" for kind in ("reconstructions", "interpolation", "traversals")]
QUICK += ["callbacks.samples.n=4", "trainer.log_every_n_steps=1", "++trainer.limit_val_batches=1"]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def tensorboard(browser, mnist_root, tmp_path_factory):
    """The address of TensorBoard on a small run."""
    folder = tmp_path_factory.mktemp("tensorboard")
    cfg = stand_in_config(mnist_root, folder, *QUICK)
    with pytest.MonkeyPatch.context() as patch:
        printed = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        patch.chdir(folder)
        train(cfg)
    (command,) = [line for line in printed if line.startswith("TensorBoard ")]
    program, *arguments = shlex.split(command.removeprefix("TensorBoard "))
    assert program == "tensorboard"
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *arguments, "--port=0", "--host=127.0.0.1", "--load_fast=false"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        yield next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def page(browser, tensorboard):
    """Loaded once, which takes seconds; at the end nothing was complained of and nothing asked of other machines."""
    with watched(browser, viewport={"width": 1400, "height": 1000}) as (page, _, requests):
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(tensorboard)
        yield page
        assert errors == []
        assert {url for url in requests if not url.startswith((tensorboard, "blob:"))} == set()


def test_the_first_screen_shows_the_elbo_and_samples(page):
    for tag, kind in (("samples", "image-card"), ("elbo", "scalar-card")):
        card = page.locator(kind).filter(has=page.locator(f'[title="at a glance/{tag}"]')).first
        card.locator("img, line-chart").first.wait_for()
        box = card.bounding_box()
        assert box["y"] + box["height"] < 1000 and box["x"] + box["width"] < 1400


def card_of(page, tag, kind):
    """The card of a tag, in sight."""
    page.get_by_role("tab", name="Time Series").click()
    page.locator('input[placeholder^="Filter tags"]').fill(f"^{tag}$")
    card = page.locator(kind).filter(has=page.locator(f'[title="{tag}"]')).first
    card.wait_for()
    return card


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_elbo_is_there(page, split):
    card_of(page, f"{split}/elbo", "scalar-card").locator("line-chart").wait_for()


def test_the_samples_are_there_with_all_their_steps(page):
    card = card_of(page, "at a glance/samples", "image-card")
    card.locator("img").wait_for()
    slider = card.locator("input[type=range]")
    assert int(slider.get_attribute("max")) == EPOCHS
    slider.focus()
    slider.press("Home")
    pictures = set()
    for epoch in range(EPOCHS + 1):
        card.get_by_text(f"Step {BATCHES * epoch}", exact=True).wait_for()
        pictures.add(card.locator("img").get_attribute("src"))
        slider.press("ArrowRight")
    assert len(pictures) == EPOCHS + 1


def test_the_text_says_what_the_run_is_and_how_to_load_it(page):
    page.get_by_role("tab", name="Text").click()
    page.get_by_text("genlab.load_run").first.wait_for()


def test_the_table_of_hyperparameters_has_settings_and_the_result(page):
    page.get_by_role("tab", name="HParams").click()
    for words in ("model.latent_dim", "data.batch_size", "test/elbo"):
        page.get_by_text(words, exact=True).locator("visible=true").first.wait_for()
