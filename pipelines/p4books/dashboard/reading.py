"""One reading of the published file, from which one view of a page is made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import duckdb
import streamlit as st

from p4books.publish.charts import ChartText
from p4books.publish.figures.filters import FilterChoices, Filters, load_choices
from p4books.publish.figures.overview import Freshness, find_latest_reading, load_freshness
from p4books.publish.language import Language
from p4books.publish.query import load_value_labels, open_picture
from p4books.settings import Settings

T = TypeVar("T")

KEPT_RESULTS = 300  # of all readers: figures of up to a megabyte, and charts


@dataclass(frozen=True)
class Reading:
    """The published file as it is during one view, and how its reader wants to see it.

    `picture` identifies the file: what is cached of it holds for no other.
    """

    con: duckdb.DuckDBPyConnection
    settings: Settings
    picture: str
    language: Language
    freshness: Freshness
    choices: FilterChoices
    filters: Filters

    @property
    def is_stale(self) -> bool:
        """Return whether the lists are older than twice the interval between two runs."""
        interval = timedelta(minutes=self.settings.sync_interval)
        return self.freshness.is_stale(datetime.now(UTC), interval)

    @property
    def text(self) -> ChartText:
        """Return what charts are labelled with."""
        labels = self.load(load_value_labels, self.language.code)
        return ChartText(self.language, self.filters.currency, labels)

    def word(self, name: str, **values: object) -> str:
        """Return a word of the reader's language."""
        return self.language.word(name, **values)

    def load(self, loader: Callable[..., T], *about: Any) -> T:
        """Return `loader(con, *about)`, which is computed once per picture."""
        name = f"{loader.__module__}.{loader.__qualname__}"
        return self.load_once(name, *about, compute=lambda: loader(self.con, *about))

    def load_once(self, *about: Any, compute: Callable[[], T]) -> T:
        """Return what `compute` returns, which is computed once per picture and `about`.

        All readers share it, so nobody may change it.
        """
        result: T = _load_once(self.picture, repr(about), compute)
        return result

    def load_figures(self, loader: Callable[..., T], *about: Any) -> T:
        """Return `loader(con, filters, *about)`, which is computed once per picture."""
        return self.load(loader, self.filters, *about)


@contextmanager
def open_reading(settings: Settings, language: Language) -> Iterator[Reading]:
    """Open the published file for one view, with the default filters.

    Raises the errors of `open_picture`, and duckdb.Error if an older p4books made the file.
    """
    with open_picture(settings.published) as con:
        freshness = load_freshness(con, partial(find_latest_reading, settings))
        picture = f"{settings.published} {freshness.published_at} {freshness.as_of_at}"
        choices: FilterChoices = _load_once(picture, "choices", lambda: load_choices(con))
        yield Reading(con, settings, picture, language, freshness, choices, choices.defaults)


def month_of(text: str | None) -> date | None:
    """Return the first day of a month, as in 2026-11 or 2026-11-01; None if it is none."""
    try:
        return date.fromisoformat(f"{(text or '')[:7]}-01")
    except ValueError:
        return None


@st.cache_resource(max_entries=KEPT_RESULTS, show_spinner=False)
def _load_once(picture: str, about: str, _compute: Callable[[], Any]) -> Any:  # noqa: ARG001
    return _compute()
