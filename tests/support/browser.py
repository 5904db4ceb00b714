"""A real browser, as a pytest plugin with fixtures."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "No browser is installed, install one: apt-get install chromium"
FLAGS = ["--disable-gpu", "--disable-quic", "--disable-background-networking"]


def find_browser() -> str:
    """Return the path of a browser. Without a browser the test is skipped, and fails in CI."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    assert not os.environ.get("CI"), INSTALL
    pytest.skip(INSTALL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = find_browser()
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=FLAGS)


@pytest.fixture
def new_browser(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Create separate browser contexts, which share no data."""
    contexts: list[BrowserContext] = []

    def new() -> BrowserContext:
        contexts.append(browser.new_context())
        return contexts[-1]

    yield new
    for context in contexts:
        context.close()
