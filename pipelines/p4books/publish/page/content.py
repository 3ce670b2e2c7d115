"""What the page says: headlines, charts and tables of each currency, ready to be laid out.

A table has its first rows only, and says how many it lacks: on the screen more than SCREEN_ROWS, on
paper those for which the two sheets have no room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import duckdb

from p4books.errors import UsageError, describe_unknown
from p4books.publish.cells import Cell, CellStyle, is_number
from p4books.publish.charts import (
    AnyChart,
    ChartText,
    draw_ages,
    draw_ages_history,
    draw_cash,
    draw_itbms_months,
    draw_sales_months,
)
from p4books.publish.figures.cash import load_cash
from p4books.publish.figures.filters import FilterChoices, Filters, load_choices
from p4books.publish.figures.itbms import load_itbms
from p4books.publish.figures.overview import Freshness, load_freshness, load_overview
from p4books.publish.figures.receivables import load_receivables
from p4books.publish.figures.sales import load_sales
from p4books.publish.figures.tables import FigureTable, sum_columns
from p4books.publish.headlines import (
    Headline,
    describe_as_of,
    describe_missing,
    describe_published,
    list_headlines,
)
from p4books.publish.language import Language
from p4books.publish.page.options import PageOptions
from p4books.publish.page.pictures import Picture, draw_picture
from p4books.publish.page.views import NAMES, TENANT, VIEWS, View
from p4books.publish.query import CatalogColumn, list_models, load_value_labels

SCREEN_ROWS = 200  # of a table

_DASH, _TIED_DASH = "\N{EN DASH}", "\N{EN DASH}\N{WORD JOINER}"  # after which no line breaks


@dataclass(frozen=True)
class Heading:
    """Head of a column: its label, what it means, and the classes of its cells."""

    label: str
    meaning: str
    classes: str


@dataclass(frozen=True)
class PageTable:
    """Rows of a table, with their sums if there are any.

    On paper it has `paper_rows` of them, and is not there at all without any. The notes say what is
    missing on the screen and on paper, and are empty if there is nothing to say.
    """

    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...]
    paper_rows: int
    screen_note: str
    paper_note: str


@dataclass(frozen=True)
class Block:
    """A table, and the chart of it if it has one; of nothing there is no picture."""

    title: str
    table: PageTable
    has_chart: bool = False
    picture: Picture | None = None


@dataclass(frozen=True)
class Section:
    """A subject: its short name, its title and its blocks."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class CurrencyPart:
    """Everything in one currency."""

    currency: str
    headlines: tuple[Headline, ...]
    sections: tuple[Section, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show in this currency."""
        blocks = [block for section in self.sections for block in section.blocks]
        # the table of ages has all ages even if nothing is open; then it has no picture
        return not any(block.picture if block.has_chart else block.table.rows for block in blocks)


@dataclass(frozen=True)
class PageContent:
    """The page: whose books, as of when, what is wrong, and the figures of each currency.

    `current_to` is when the lists were read, None if their age does not matter or is a warning.
    """

    language: Language
    heading: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    current_to: datetime | None
    parts: tuple[CurrencyPart, ...]


def load_content(con: duckdb.DuckDBPyConnection, options: PageOptions) -> PageContent:
    """Load what the page of a published file says; a currency without anything is left out.

    Raises UsageError if there is no such currency, QueryFailed if the file has no catalogue, and
    duckdb.Error if it lacks a model.
    """
    choices, freshness = load_choices(con), load_freshness(con, options.find_reading)
    language, is_stale = options.language, _is_stale(freshness, options)
    style = CellStyle(language, freshness.timezone, load_value_labels(con, language.code))
    titles = {model.full_name: model.title(language.code) for model in list_models(con)}
    parts = [
        _PartLoader(con, replace(choices.defaults, currency=currency), style, titles).load(
            choices.as_of_on
        )
        for currency in _choose_currencies(choices, options.currency)
    ]
    return PageContent(
        language=language,
        heading=options.company or freshness.tenant,
        lines=_describe(freshness, choices.defaults, language),
        warnings=_list_warnings(freshness, style, is_stale=is_stale),
        current_to=freshness.current_to if options.now and not is_stale else None,
        parts=tuple(part for part in parts if not part.is_empty) or tuple(parts[:1]),
    )


class _PartLoader:
    """Loads the figures of one currency as sections."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        filters: Filters,
        style: CellStyle,
        titles: Mapping[str, str],
    ) -> None:
        self._con = con
        self._filters = filters
        self._style = style
        self._titles = titles
        self._word = style.language.word
        self._text = ChartText(style.language, filters.currency, style.labels)

    def load(self, as_of_on: date) -> CurrencyPart:
        overview = load_overview(self._con, self._filters)
        return CurrencyPart(
            currency=self._filters.currency,
            headlines=tuple(list_headlines(overview, self._style.language)),
            sections=(
                Section("receivables", self._word("page_receivables"), self._load_receivables()),
                Section("cash", self._word("page_cash"), self._load_cash(as_of_on)),
                Section("itbms", self._word("page_itbms"), self._load_itbms(as_of_on)),
                Section("sales", self._word("page_sales"), self._load_sales(as_of_on)),
            ),
        )

    def _load_receivables(self) -> tuple[Block, ...]:
        figures, text = load_receivables(self._con, self._filters), self._text
        history = draw_ages_history(figures.history, self._filters, text)
        return (
            self._chart("chart_ages", draw_ages(figures.ages, text), figures.ages),
            self._chart("chart_ages_history", history, figures.history),
            self._list(figures.aging),
            self._list(figures.calls),
            self._list(figures.items),
        )

    def _load_cash(self, as_of_on: date) -> tuple[Block, ...]:
        forecast = load_cash(self._con, self._filters).forecast
        chart = draw_cash(forecast, self._text, as_of_on=as_of_on)
        return (self._chart("chart_cash", chart, forecast),)

    def _load_itbms(self, as_of_on: date) -> tuple[Block, ...]:
        figures = load_itbms(self._con, self._filters)
        chart = draw_itbms_months(figures.months, self._filters, self._text, as_of_on=as_of_on)
        month = self._style.language.month(figures.month_on)
        form = self._list(figures.form, f"{self._find_title(figures.form)}, {month}")
        return (self._chart("chart_itbms_months", chart, figures.months), form)

    def _load_sales(self, as_of_on: date) -> tuple[Block, ...]:
        figures = load_sales(self._con, self._filters)
        chart = draw_sales_months(figures.months, self._filters, self._text, as_of_on=as_of_on)
        return (
            self._chart("chart_sales_months", chart, figures.months),
            self._list(figures.customers, self._word("chart_top_customers")),
            self._list(figures.products, self._word("chart_top_products")),
        )

    def _chart(self, name: str, chart: AnyChart | None, table: FigureTable) -> Block:
        title = self._word(name)
        shown = self._word("page_chart", title=title, currency=self._filters.currency)
        picture = draw_picture(chart, shown) if chart else None
        return Block(title, self._write_table(table, title), has_chart=True, picture=picture)

    def _list(self, table: FigureTable, title: str = "") -> Block:
        title = title or self._find_title(table)
        return Block(title, self._write_table(table, title))

    def _find_title(self, table: FigureTable) -> str:
        return self._titles.get(table.query.model, table.query.model)

    def _write_table(self, table: FigureTable, title: str) -> PageTable:
        view, code = VIEWS[table.name], self._style.language.code
        of_group = [column.name for column in table.columns[:1] if column.name == TENANT]
        columns = [
            table.columns[table.index(name)]
            for name in (*of_group, *view.columns)
            if view.of_language.get(name, code) == code
        ]
        records = list(table.records())[:SCREEN_ROWS]
        sums = sum_columns(self._con, table, view.totals) if records else {}
        screen_note, paper_note = self._note_cuts(table, title, len(records))
        return PageTable(
            headings=tuple(self._head(column, view) for column in columns),
            rows=tuple(self._write_row(columns, record) for record in records),
            total=self._write_row(columns, sums) if sums else (),
            paper_rows=view.paper_rows,
            screen_note=" ".join(filter(None, (screen_note, self._note(view, records)))),
            paper_note=paper_note,
        )

    def _note(self, view: View, records: Sequence[object]) -> str:
        return self._word(view.note) if view.note and records else ""

    def _write_row(
        self, columns: Sequence[CatalogColumn], record: Mapping[str, Any]
    ) -> tuple[Cell, ...]:
        return tuple(self._style.write(column, record.get(column.name)) for column in columns)

    def _head(self, column: CatalogColumn, view: View) -> Heading:
        code, word = self._style.language.code, view.words.get(column.name)
        classes = {
            "number": is_number(column),
            "name": column.name in NAMES,
            "screen": column.name in view.screen_only,
        }
        return Heading(
            (self._word(word) if word else column.label(code)).replace(_DASH, _TIED_DASH),
            column.describe(code),
            " ".join(name for name, is_there in classes.items() if is_there),
        )

    def _note_cuts(self, table: FigureTable, title: str, rows: int) -> tuple[str, str]:
        """Say how many rows are missing on the screen and on paper, and where they are."""
        count, paper_rows = f"{table.count:,}", VIEWS[table.name].paper_rows
        report = self._find_title(table)
        on_screen = on_paper = ""
        if table.count > rows:
            on_screen = self._word("page_cut", shown=f"{rows:,}", count=count, report=report)
        if table.count and not paper_rows:
            on_paper = self._word("page_off_paper", count=count, report=title)
        elif table.count > paper_rows:
            shown = f"{paper_rows:,}"
            on_paper = self._word("page_cut_on_paper", shown=shown, count=count, report=report)
        return on_screen, on_paper


def _choose_currencies(choices: FilterChoices, currency: str | None) -> Sequence[str]:
    if currency is None:
        return choices.currencies
    if currency.upper() not in choices.currencies:
        unknown = describe_unknown("currency", currency, choices.currencies)
        raise UsageError(f"{unknown} Nothing was written.")
    return (currency.upper(),)


def _describe(freshness: Freshness, period: Filters, language: Language) -> tuple[str, ...]:
    months = {"first": language.month(period.first_on), "last": language.month(period.last_on)}
    lines = (
        describe_as_of(freshness, language),
        language.word("page_period", **months),
        describe_published(freshness, language),
    )
    return tuple(filter(None, lines))


def _list_warnings(freshness: Freshness, style: CellStyle, *, is_stale: bool) -> tuple[str, ...]:
    language = style.language
    warnings = [describe_missing(freshness, language, style.labels)]
    if freshness.current_to and is_stale:
        instant = language.instant(freshness.current_to, freshness.timezone)
        warnings.append(language.word("fresh_stale", instant=instant))
    return tuple(filter(None, warnings))


def _is_stale(freshness: Freshness, options: PageOptions) -> bool:
    return options.now is not None and freshness.is_stale(options.now, options.interval)
