"""Pages of the dashboard, without a browser."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest
from tests.p4books.dashboard.conftest import ShowPage, settings_of

from p4books.dashboard.address import PAGE_NAMES
from p4books.publish.language import LANGUAGES, Language, format_amount
from p4books.publish.query import run_query


def texts_of(app: AppTest) -> str:
    """Return what is written on a page."""
    elements = [*app.title, *app.subheader, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(element.value) for element in elements)


def metrics_of(app: AppTest) -> dict[str, str]:
    """Return the key figures of a page by their names."""
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", PAGE_NAMES)
def test_page(fixed_file: Path, show_page: ShowPage, name: str, code: str) -> None:
    """Every page is shown in the language of its address, without an error."""
    app = show_page(fixed_file, name, lang=code)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == Language(code).word(f"page_{name}")
    assert Language(code).day(date(2026, 6, 30)) in app.caption[0].value
    titles = [each.value for each in app.subheader]
    assert titles
    assert not [title for title in titles if "." in title or "_" in title], titles
    assert app.metric or name == "customers"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_page_of_nothing(empty_file: Path, show_page: ShowPage, name: str) -> None:
    """A file without rows gives a sentence that says what to do, on every page."""
    app = show_page(empty_file, name, lang="es")
    assert not app.exception
    assert "p4books sync" in app.info[0].value
    assert not app.metric


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_key_figures_are_those_of_the_models(
    fixed_file: Path, show_page: ShowPage, currency: str
) -> None:
    """What is written is what the models have, to the cent, in the currency of the address."""
    app = show_page(fixed_file, "receivables", currency=currency)
    _, ((balance, overdue, customers),) = run_query(
        fixed_file,
        "select coalesce(sum(balance), 0), coalesce(sum(overdue), 0), count(*)"
        f" from reporting.ar_aging where currency = '{currency}'",
    )
    assert metrics_of(app) == {
        "Receivables": format_amount(balance),
        "Overdue": format_amount(overdue),
        "Customers": str(customers),
    }


def test_filters_change_the_address(fixed_file: Path, show_page: ShowPage) -> None:
    """What is chosen is in the address, and gone from it when it is chosen no more."""
    app = show_page(fixed_file, "sales")
    app.selectbox(key="currency").select("EUR").run()
    app.selectbox(key="customer").select("3").run()
    app.selectbox(key="period").select("period_last_year").run()
    expected = {"currency": "EUR", "customer": "3", "from": "2025-01-01", "to": "2025-12-31"}
    assert dict(app.query_params.items()) == expected
    app.selectbox(key="currency").select("USD").run()
    app.selectbox(key="customer").set_value(None).run()
    app.selectbox(key="period").select("period_last_12").run()
    assert app.query_params == {}


def test_days_of_a_period(fixed_file: Path, show_page: ShowPage) -> None:
    """A period of other days can be chosen; its days are put in order."""
    app = show_page(fixed_file, "sales")
    app.selectbox(key="period").select("period_custom").run()
    app.date_input(key="last_day").set_value(date(2026, 4, 30)).run()
    assert app.query_params["to"] == "2026-04-30"
    app.date_input(key="first_day").set_value(date(2026, 5, 31)).run()
    assert (app.query_params["from"], app.query_params["to"]) == ("2026-04-30", "2026-05-31")


def test_invoices_of_an_age(fixed_file: Path, show_page: ShowPage) -> None:
    """The address, or the buttons, choose an age; the table has its invoices only."""
    app = show_page(fixed_file, "receivables")
    everything = app.dataframe[1].value
    app.segmented_control(key="bucket").set_value("61-90").run()
    assert app.query_params["bucket"] == "61-90"
    table = app.dataframe[1].value
    assert set(table["Ageing"]) == {"61-90"}
    assert len(table) == list(everything["Ageing"]).count("61-90")


def test_customers_of_a_month(fixed_file: Path, show_page: ShowPage) -> None:
    """The address, or the select, choose a month; customers and products are those of it."""
    app = show_page(fixed_file, "sales")
    app.selectbox(key="month").select("2026-06-01").run()
    assert app.query_params["month"] == "2026-06"
    _, ((net,),) = run_query(
        fixed_file,
        "select net from reporting.sales_by_month"
        " where currency = 'USD' and month_on = '2026-06-01'",
    )
    table = app.dataframe[1].value
    assert sum(table["Net sales"]) == net


def test_one_customer(fixed_file: Path, show_page: ShowPage) -> None:
    """The page of a customer has its figures and documents, and not those of others."""
    app = show_page(fixed_file, "customers", customer="2")
    _, ((balance,),) = run_query(
        fixed_file,
        "select balance from reporting.ar_aging where customer_id = '2' and currency = 'USD'",
    )
    assert metrics_of(app)["Balance"] == format_amount(balance)


def test_rubbish_in_the_address(fixed_file: Path, show_page: ShowPage) -> None:
    """What means nothing is ignored with a sentence, in which it is no markup."""
    app = show_page(
        fixed_file, "sales", currency="<b>XXX</b>", customer="[a](http://b)", **{"from": "x"}
    )
    assert not app.exception
    assert len(app.warning) >= 3
    assert "[a](http" not in texts_of(app)


def test_language_of_the_settings(fixed_file: Path, show_page: ShowPage) -> None:
    """Without a language in the address it is that of the settings; the switch changes it."""
    app = show_page(fixed_file, "cash", settings_of(fixed_file, language="es"))
    assert app.title[0].value == "Efectivo"
    app.radio(key="language").set_value("en").run()
    assert app.query_params["lang"] == "en"
    assert app.title[0].value == "Cash"


def test_stale_figures(fixed_file: Path, show_page: ShowPage) -> None:
    """Figures older than twice the interval of the schedule are called old, with their age."""
    app = show_page(fixed_file, "cash", settings_of(fixed_file, sync_interval=1e9))
    assert not app.warning
    with duckdb.connect(fixed_file, read_only=True) as con:
        row = con.execute("select current_to from core.as_of").fetchone()
    is_read = row is not None and row[0] is not None
    app = show_page(fixed_file, "cash")
    assert ["days old" in each.value for each in app.warning] == [True] * is_read


def test_a_new_picture_is_shown(own_file: Path, empty_file: Path, show_page: ShowPage) -> None:
    """The next view shows the file that was published meanwhile, even while the old one is open.

    DuckDB itself would give a process the old file for as long as it has it open.
    """
    with duckdb.connect(own_file, read_only=True):
        app = show_page(own_file, "overview")
        assert app.metric
        new = Path(shutil.copy(empty_file, own_file.with_name("new")))
        new.replace(own_file)
        app.run()
        assert not app.metric
        assert "p4books sync" in app.info[0].value


def test_no_published_file(own_file: Path, show_page: ShowPage) -> None:
    """A missing file gives a sentence that says what to do."""
    own_file.unlink()
    app = show_page(own_file, "overview", lang="es")
    assert not app.exception
    assert "p4books sync" in app.info[0].value
    assert app.radio  # the language can still be changed


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_a_broken_file(own_file: Path, show_page: ShowPage, content: bytes) -> None:
    """A file that cannot be read gives a sentence, and no traceback."""
    own_file.chmod(0o600)
    own_file.write_bytes(content)
    app = show_page(own_file, "overview")
    assert not app.exception
    assert "p4books report" in app.error[0].value


def test_a_file_of_an_older_version(own_file: Path, show_page: ShowPage) -> None:
    """A file that lacks models gives a sentence; the log has the rest."""
    own_file.chmod(0o600)
    with duckdb.connect(own_file) as con:
        con.execute("drop table reporting.ar_open_items cascade")
    app = show_page(own_file, "receivables")
    assert not app.exception
    assert "another version" in app.error[0].value
