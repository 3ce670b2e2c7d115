"""The dashboard of a large tenant, measured by the browser.

First paint: the browser's own first contentful paint. Figures: from the request for the address
until a key figure is in the page. A filter: from the choice until the figures of the choice are.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import make_sandbox
from tests.benchmarks.tenant import Tenant
from tests.browser import DESKTOP, open_browser
from tests.dashboard_server import DashboardServer, serve_dashboard, wait_until_shown

from p4books.dashboard.address import PAGE_NAMES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FIRST_PAINT, FILTER = 2.0, 0.5  # seconds
ROUNDS = 3

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
_CONTENT = '[data-testid="stMetricValue"], [data-testid="stDataFrame"]'


def compare(invoices: int) -> list[Figure]:
    """Measure and return the figures, for a tenant of so many invoices."""
    with tempfile.TemporaryDirectory() as folder, make_sandbox(invoices) as sandbox:
        tenant = Tenant(sandbox, Path(folder))
        tenant.first_sync()
        return measure(tenant.published)


def measure(published: Path) -> list[Figure]:
    """Measure the dashboard of a published file and return the figures."""
    with serve_dashboard(published) as server, open_browser() as browser:
        cold, _ = _open_page(server, browser, "overview")
        opened = {
            name: [_open_page(server, browser, name) for _ in range(ROUNDS)] for name in PAGE_NAMES
        }
        filters = _measure_filters(server, browser)
    figures, slowest = max((min(times)[0], name) for name, times in opened.items())
    paint = max(min(paint for _, paint in times) for times in opened.values())
    return [
        Figure("first paint of the slowest page", paint, FIRST_PAINT, unit="s"),
        Figure("figures of a new server's first page", cold, FIRST_PAINT, unit="s"),
        Figure(f"figures of the slowest page: {slowest}", figures, FIRST_PAINT, unit="s"),
        Figure("a filter", statistics.median(filters), FILTER, unit="s"),
    ]


def _open_page(server: DashboardServer, browser: "Browser", name: str) -> tuple[float, float]:
    """Open a page in a new browser; return the seconds until its figures, and its first paint."""
    page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    began = time.perf_counter()
    page.goto(f"{server.address}/{'' if name == 'overview' else name}", wait_until="commit")
    page.wait_for_selector(_CONTENT)
    seconds = time.perf_counter() - began
    paint: float = page.evaluate(_PAINT)
    page.close()
    return seconds, paint


def _measure_filters(server: DashboardServer, browser: "Browser") -> list[float]:
    """Choose periods on the page of sales, and return the seconds until its figures follow."""
    page = browser.new_page(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page.goto(f"{server.address}/sales")
    wait_until_shown(page)
    seconds = []
    for period in ("This year", "Last year", "All", "Last 12 months", "Last year"):
        seconds.append(_choose_period(page, period))
        wait_until_shown(page)
    return seconds


def _choose_period(page: "Page", period: str) -> float:
    first = page.locator('[data-testid="stMetricValue"]').first
    before = first.inner_text()
    page.get_by_label("Period").first.click()
    option = page.get_by_role("option", name=period, exact=True)
    option.wait_for()
    began = time.perf_counter()
    option.click()
    page.wait_for_function(
        "before => document.querySelector('[data-testid=\"stMetricValue\"]').innerText != before",
        arg=before,
        polling=10,
    )
    return time.perf_counter() - began
