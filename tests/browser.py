"""The system's Chromium without a window, for tests of what people look at."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # imported by the tests that need it: 0.1 s that others need not wait
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = (1280, 900), (390, 844)  # width and height in pixels of the page

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class WatchedPage:
    """A page, the errors that its console showed, and the addresses that it requested."""

    page: "Page"
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def visit(self, address: str) -> "Page":
        """Go to an address and return the page, loaded."""
        self.page.goto(address)
        return self.page

    def measure_overflow(self) -> int:
        """Return by how many pixels the document is wider than the window; 0 if it fits."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


NewPage = Callable[..., WatchedPage]


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """Start the browser, and end it. Fails the test if there is none."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see above

    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail("These tests need Chromium: run `make system`, or install it yourself.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@contextmanager
def open_pages(browser: "Browser") -> Iterator[NewPage]:
    """Yield a function that opens pages, each without cookies of another; close them at the end.

    It takes the `size` of the window in pixels, and the options of a context of Playwright.
    """
    contexts = []

    def new_page(size: tuple[int, int] = DESKTOP, **options: Any) -> WatchedPage:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        watched = WatchedPage(context.new_page())
        watched.page.on("console", lambda message: _keep_error(watched, message))
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        return watched

    yield new_page
    for context in contexts:
        context.close()


def _keep_error(watched: WatchedPage, message: Any) -> None:
    if message.type in {"error", "warning"}:
        watched.errors.append(message.text)
