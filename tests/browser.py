"""Headless Chromium for tests that look at pages as people do; Debian's, or any that is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Any, **context: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """(page, complaints, requests): what goes wrong on a new page, and all that it asks for beside data URIs.

    Args:
        context: of playwright's `new_context`, as viewport and color_scheme.
    """
    page = browser.new_context(**context).new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith("data:") or requests.append(request.url))
    try:
        yield page, complaints, requests
    finally:
        page.context.close()
