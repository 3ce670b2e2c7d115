"""Views: each opens the published file, shows one page of it, and closes it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import streamlit as st

from p4books.dashboard.address import PAGE_NAMES, choose_language, restore_parameters
from p4books.dashboard.controls import show_filters, show_language
from p4books.dashboard.parts import escape_markdown
from p4books.dashboard.reading import Reading, open_reading
from p4books.dashboard.subjects import (
    cash,
    customers,
    itbms,
    orders,
    overview,
    receivables,
    sales,
    trust,
)
from p4books.dashboard.tenants import configured
from p4books.errors import NotPublished, P4BooksError
from p4books.publish.figures.filters import Filters
from p4books.publish.headlines import describe_as_of, describe_missing
from p4books.publish.language import Language
from p4books.settings import Settings

log = logging.getLogger("p4books.dashboard")


@dataclass(frozen=True)
class PageEntry:
    """A page: the word for it, the function that shows it, the parts of the books it is of."""

    word: str
    show: Callable[[Reading], None]
    parts: tuple[str, ...] = ("customer",)


PAGES = dict(
    zip(
        PAGE_NAMES,
        (
            PageEntry("page_overview", overview.show, ()),
            PageEntry("page_receivables", receivables.show),
            PageEntry("page_cash", cash.show, ()),
            PageEntry("page_itbms", itbms.show),
            PageEntry("page_sales", sales.show, ("customer", "product")),
            PageEntry("page_customers", customers.show, ("customer", "product")),
            PageEntry("page_orders", orders.show, ("customer", "product")),
            PageEntry("page_trust", trust.show),
        ),
        strict=True,
    )
)

ICON = Path(__file__).with_name("icon.svg")
END = '<i id="p4books-end" hidden></i>'  # by which programs know that a page is complete
STYLE = """
<style>
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
[data-testid="stMainBlockContainer"] { padding: 3.5rem 2.5rem 4rem; }
[data-testid="stMetricDelta"], [data-testid="stMetricDelta"] *, [data-testid="stMetricLabel"] * {
    white-space: normal !important; overflow: visible !important; height: auto !important;
}
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding: 3.5rem 1rem 4rem; } }
@media print { [data-testid="stSidebar"], [data-testid="stDownloadButton"] { display: none; } }
</style>
"""


def show_view() -> None:
    """Show the page of the address in the language of the address."""
    settings = configured()
    given = restore_parameters()
    language = choose_language(given, settings)
    st.set_page_config(
        page_title=f"{settings.tenant} · p4books",
        page_icon=ICON,
        layout="wide",
        initial_sidebar_state="auto",
        menu_items={},
    )
    st.html(STYLE)
    view = st.navigation(
        [
            st.Page(
                partial(show_page, settings, language, given, entry),
                title=language.word(entry.word),
                url_path=name,
                default=name == "overview",
            )
            for name, entry in PAGES.items()
        ]
    )
    view.run()
    st.html(END)


def show_page(
    settings: Settings, language: Language, given: dict[str, str], page: PageEntry
) -> None:
    """Show one page from one reading of the file; a sentence if it cannot be read."""
    st.title(language.word(page.word), anchor=False)
    try:
        with open_reading(settings, language) as opened:
            filters, ignored = Filters.from_query(given, opened.choices)
            reading = replace(opened, filters=filters)
            with st.sidebar:
                show_filters(reading, page.parts)
            _show_freshness(reading)
            for each in ignored:
                shown = {"parameter": each.parameter, "value": each.value[:40]}
                st.warning(escape_markdown(language.word("ignored_value", **shown)))
            if reading.freshness.as_of_on is None:
                st.info(language.word("nothing_copied"))
                return
            page.show(reading)
    except NotPublished as error:
        log.warning("%s", error)
        st.info(language.word("nothing_published"))
    except P4BooksError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        st.error(language.word("file_unreadable"))
    except duckdb.Error:
        log.exception("the published file cannot be shown")
        st.error(language.word("file_of_another_version"))
    finally:
        with st.sidebar:
            show_language(language.code, settings.language)


def _show_freshness(reading: Reading) -> None:
    """Say of when the figures are, and what is missing in them."""
    freshness, language = reading.freshness, reading.language
    unit = language.word("amounts_in", currency=reading.filters.currency)
    st.caption(f"{describe_as_of(freshness, language)} {unit}.")
    if reading.is_stale:
        age = freshness.age(datetime.now(UTC)) or timedelta(0)
        st.warning(language.word("stale", age=_write_age(age, language)))
    if missing := describe_missing(freshness, language, reading.text.values):
        st.warning(missing)


def _write_age(age: timedelta, language: Language) -> str:
    """Write an age in the largest unit of which there are two or more."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 2 * 60:
        return language.word("minutes_count", count=minutes)
    if minutes < 2 * 24 * 60:
        return language.word("hours_count", count=minutes // 60)
    return language.word("days_count", count=f"{minutes // (24 * 60):,}")
