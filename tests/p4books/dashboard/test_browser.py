"""The dashboard as people see it: served, and looked at in Chromium."""

import csv
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late
from tests.browser import DESKTOP, PHONE, NewPage, WatchedPage
from tests.dashboard_server import DashboardServer, serve_dashboard, wait_until_shown

from p4books.dashboard.address import PAGE_NAMES
from p4books.publish.language import LANGUAGES, Language, format_amount
from p4books.publish.query import run_query


@pytest.fixture(scope="module")
def file(fixed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the published file of the fixed books."""
    return Path(shutil.copy(fixed_file, tmp_path_factory.mktemp("served") / fixed_file.name))


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[DashboardServer]:
    """The dashboard of the fixed books, which ends as a service does."""
    with serve_dashboard(file) as server:
        yield server
        code, log = server.stop()
        assert code == 0
        assert "Traceback" not in log  # of a file that is missing or broken, a sentence


def open_page(server: DashboardServer, seen: WatchedPage, name: str, query: str = "") -> Page:
    """Open a page by its address and wait for it."""
    page = seen.visit(f"{server.address}/{'' if name == 'overview' else name}{query}")
    wait_until_shown(page)
    return page


def read_metrics(page: Page) -> dict[str, str]:
    """Read the key figures of a page by their names, as a reader of the screen does."""
    shown = page.locator('[data-testid="stMetric"]').all()
    return {
        each.locator('[data-testid="stMetricLabel"]').inner_text().strip(): each.locator(
            '[data-testid="stMetricValue"]'
        )
        .inner_text()
        .strip()
        for each in shown
    }


def assert_nothing_wrong(seen: WatchedPage, server: DashboardServer) -> None:
    """Expect no error, nothing asked of another host, nothing beside the window."""
    own = (server.address, server.address.replace("http", "ws"), "data:", "blob:")
    assert seen.errors == []
    assert [each for each in seen.requests if not each.startswith(own)] == []
    assert seen.measure_overflow() == 0


@pytest.mark.parametrize("code", LANGUAGES)
def test_pages(server: DashboardServer, new_page: NewPage, code: str) -> None:
    """Every page is shown without anything wrong, also after its window changes.

    Half of the pages are in each language here; test_pages.py has each in both.
    """
    seen = new_page(PHONE)
    for name in PAGE_NAMES[LANGUAGES.index(code) :: len(LANGUAGES)]:
        page = open_page(server, seen, name, f"?lang={code}")
        expect(page.locator("h1")).to_have_text(Language(code).word(f"page_{name}"))
        assert page.locator("html").get_attribute("lang") == code
        expect(page.locator('[data-testid="stException"]')).to_have_count(0)
        assert_nothing_wrong(seen, server)
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        wait_until_shown(page)
        assert_nothing_wrong(seen, server)
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})


def test_figures_in_the_page_are_those_of_the_models(
    server: DashboardServer, file: Path, new_page: NewPage
) -> None:
    """The key figures, read out of the page, equal the models' to the cent, by currency."""
    seen = new_page()
    for currency in ("USD", "EUR"):
        shown = read_metrics(open_page(server, seen, "overview", f"?currency={currency}"))
        _, rows = run_query(
            file,
            f"""
            with chosen as (select '{currency}' as currency)
            select
                (select sum(balance) from reporting.ar_aging join chosen using (currency)),
                (select sum(overdue) from reporting.ar_aging join chosen using (currency)),
                (select sum(net) from reporting.sales_by_month join chosen using (currency)
                 where month_on = '2026-06-01'),
                (select sum(amount) from reporting.sales_backlog join chosen using (currency)),
                (select any_value(month_tax_charged) from reporting.itbms_by_month
                 join chosen using (currency) where month_on = '2026-06-01')
            """,
        )
        names = ("Receivables", "Overdue", "Net sales, Jun 2026", "Open sales orders")
        expected = [format_amount(amount or Decimal(0)) for amount in rows[0]]
        assert shown == dict(zip((*names, "ITBMS charged, Jun 2026"), expected, strict=True))
    cash = read_metrics(open_page(server, seen, "cash"))
    _, ((net,),) = run_query(
        file,
        "select sum(net_cash) from reporting.cash_forecast where currency = 'USD'"
        " and week_on < date '2026-06-29' + 91",
    )
    assert cash["Net"] == format_amount(net)


def click_chart(page: Page, across: float, down: float, address: str) -> None:
    """Click a place in the first chart, given as shares of it, until the address follows."""
    chart = page.locator('[data-testid="stVegaLiteChart"] .marks').first
    for _ in range(5):
        box = chart.bounding_box()  # changes until all of the page is drawn
        assert box is not None
        page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        with suppress(Late):
            page.wait_for_url(address, timeout=2000)
            break
    else:
        pytest.fail(f"no click on the chart led to {address}")
    wait_until_shown(page)


def test_click_paths(server: DashboardServer, new_page: NewPage) -> None:
    """A click on an age, or its button, shows its invoices; filters stay from page to page."""
    seen = new_page()
    page = open_page(server, seen, "receivables", "?currency=USD")
    click_chart(page, 0.3, 0.25, "**bucket=1-30**")
    button = page.get_by_role("radio", name=re.compile("61.90"))
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    page.wait_for_url("**bucket=61-90**")
    wait_until_shown(page)

    page.get_by_label("Period").first.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="This year").click()
    page.wait_for_url("**from=2026-01-01**")
    wait_until_shown(page)
    page.get_by_role("link", name="Sales", exact=True).click()
    page.wait_for_url("**/sales?**from=2026-01-01**")
    wait_until_shown(page)
    assert "bucket" not in page.url
    page.get_by_text("Español").click()
    page.wait_for_url("**lang=es**")
    expect(page.locator("h1")).to_have_text("Ventas")
    assert_nothing_wrong(seen, server)


def test_a_link_shows_the_same(server: DashboardServer, new_page: NewPage) -> None:
    """The address of a view, opened by somebody else, shows the same view."""
    query = "?lang=es&currency=EUR&customer=3&from=2025-01-01&to=2026-12-31&month=2026-06"
    one, other = new_page(), new_page()
    page = open_page(server, one, "sales", query)
    address, figures = page.url, read_metrics(page)
    copy = other.visit(address)
    wait_until_shown(copy)
    assert read_metrics(copy) == figures
    assert figures["Ventas netas"] != "0.00"


def test_downloads(server: DashboardServer, file: Path, new_page: NewPage, tmp_path: Path) -> None:
    """Tables are downloaded with all rows, for Excel."""
    seen = new_page(accept_downloads=True)
    page = open_page(server, seen, "receivables", "?lang=es")
    files = {}
    for kind in ("csv", "xlsx"):
        with page.expect_download() as started:
            page.locator(f".st-key-download_page_ar_open_items_{kind} button").click()
        assert started.value.suggested_filename == f"acme.ar_open_items.USD.{kind}"
        files[kind] = tmp_path / f"table.{kind}"
        started.value.save_as(files[kind])
    _, items = run_query(file, "select balance from reporting.ar_open_items where currency = 'USD'")
    balances = sorted(balance for (balance,) in items)
    text = files["csv"].read_text(encoding="utf-8-sig")
    assert sorted(Decimal(row["Saldo"]) for row in csv.DictReader(StringIO(text))) == balances
    header, *rows = openpyxl.load_workbook(files["xlsx"]).active.values
    amounts = [row[header.index("Saldo")] for row in rows]
    assert sorted(Decimal(str(amount)) for amount in amounts) == balances
    assert_nothing_wrong(seen, server)


def test_files_that_come_and_go(
    server: DashboardServer, file: Path, empty_file: Path, fixed_file: Path, new_page: NewPage
) -> None:
    """The next view shows what is published then: nothing, no file, a broken one, a good one."""
    seen = new_page(PHONE)
    for source, told in ((empty_file, "p4books sync"), (None, "p4books sync"), (b"x", "report")):
        file.unlink(missing_ok=True)
        if isinstance(source, Path):
            shutil.copy(source, file)
        elif source:
            file.write_bytes(source * 5000)
        for code in LANGUAGES:
            page = open_page(server, seen, "overview", f"?lang={code}")
            expect(page.locator('[data-testid="stAlert"]').first).to_contain_text(told)
            assert "Traceback" not in page.content()
            assert_nothing_wrong(seen, server)
    file.unlink()
    shutil.copy(fixed_file, file)
    assert read_metrics(open_page(server, seen, "overview"))


def test_password_and_end(file: Path, new_page: NewPage) -> None:
    """With a password the browser asks for it; Ctrl-C ends the server cleanly, without it."""
    password = "eine lange Losung"  # noqa: S105 - of this test
    with serve_dashboard(file, dashboard_password=password) as server:
        assert new_page().page.request.get(server.address).status == 401
        seen = new_page(http_credentials={"username": "any", "password": password})
        page = open_page(server, seen, "cash")  # also shows that any page may be the first
        assert read_metrics(page)
        assert_nothing_wrong(seen, server)
        code, written = server.stop(signal.SIGINT)
        assert (code, written) == (0, "")
