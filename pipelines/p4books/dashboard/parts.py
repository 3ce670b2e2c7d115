"""Parts of pages: key figures, charts with the tables behind them, tables with downloads."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from p4books.dashboard.downloads import Download, list_downloads
from p4books.dashboard.reading import Reading
from p4books.publish.cells import CellStyle
from p4books.publish.charts import AnyChart
from p4books.publish.figures.tables import FigureTable
from p4books.publish.query import CatalogColumn, choose_columns, list_models
from p4books.storage.exact_json import unique_names

_TENANT = "tenant"
_WIDTH = 166  # pixels of a key figure
_NAMES = ("customer_name", "vendor_name", "party_name", "product_name")
_MAIN_AMOUNTS = (
    *("balance", "net", "net_12_months", "amount", "missing", "tax"),
    *("month_tax_charged", "dso", "net_cash", "findings"),
)
_ROW_HEIGHT, _MOST_ROWS = 35, 12  # pixels; rows of a table that are seen at once


@dataclass(frozen=True)
class KeyFigure:
    """A figure that is read first: its name, value, and a note below; `help` explains it."""

    name: str
    value: str
    note: str = ""
    help: str = ""


def show_key_figures(figures: Iterable[KeyFigure]) -> None:
    """Show figures side by side, as many as fit."""
    figures = list(figures)
    longest = max((len(figure.value) for figure in figures), default=0)
    width = max(_WIDTH, _WIDTH + 13 * (longest - len("123,456.78")))
    with st.container(horizontal=True):
        for figure in figures:
            st.metric(
                figure.name,
                figure.value,
                figure.note or None,
                delta_color="off",
                delta_arrow="off",
                help=figure.help or None,
                border=True,
                height="stretch",
                width=width,
            )


def show_chart(
    reading: Reading,
    title: str,
    draw: Callable[[], AnyChart | None],
    table: FigureTable,
    on_pick: Callable[[str], None] | None = None,
) -> None:
    """Show a chart under its title, with the table behind it; a sentence if it has no data.

    `draw` is called once per table and language. `on_pick` is called with the key of what is
    clicked in the chart, empty for nothing.
    """
    st.subheader(title, anchor=False)
    spec = reading.load_once(
        draw.__qualname__, title, table.query, compute=lambda: _to_spec(draw())
    )
    if spec is None:
        st.info(reading.word("no_data"))
        return
    spec = deepcopy(spec)  # Streamlit takes the data out of it
    key = f"chart_{table.name}"
    if on_pick:
        st.vega_lite_chart(
            spec=spec, theme=None, key=key, on_select=lambda: on_pick(_read_pick(key))
        )
    else:
        st.vega_lite_chart(spec=spec, theme=None, key=key)
    with st.expander(reading.word("show_table")):
        show_table(reading, table, title="", place="chart")


def show_table(
    reading: Reading, table: FigureTable, title: str | None = None, place: str = "page"
) -> None:
    """Show a table with its title, which is that of its model unless given, and downloads.

    `place` distinguishes a table that is on a page twice.
    """
    if title is None:
        title = reading.load(load_titles, reading.language.code).get(table.query.model, table.name)
    if title:
        st.subheader(title, anchor=False)
    if not table.rows:
        st.info(reading.word("no_rows"))
        return
    columns = _arrange(table.columns, reading.language.code)
    shown = [table.index(column.name) for column in columns]
    st.dataframe(
        _style(reading, columns, [[row[index] for index in shown] for row in table.rows]),
        hide_index=True,
        height=_ROW_HEIGHT * (min(len(table.rows), _MOST_ROWS) + 1) + 3,
        column_config=_configure(reading, columns),
        placeholder="",
        key=f"table_{place}_{table.name}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for download in list_downloads(reading, table):
            _show_download(download, f"download_{place}_{table.name}_{download.kind}")
        if not table.is_whole:
            st.caption(
                reading.word("rows_cut", shown=f"{len(table.rows):,}", count=f"{table.count:,}")
            )


def show_name(name: str) -> None:
    """Show a name of the books as a heading: as it is, whatever it contains."""
    st.html(f"<h3><bdi>{html.escape(name)}</bdi></h3>")


def escape_markdown(text: str) -> str:
    """Return a text that Markdown leaves as it is."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>$~:" else sign for sign in text)


def load_titles(con: duckdb.DuckDBPyConnection, code: str) -> Mapping[str, str]:
    """Return what the models are called in a language, by full name."""
    return {model.full_name: model.title(code) for model in list_models(con)}


def _show_download(download: Download, key: str) -> None:
    st.download_button(
        download.label,
        download.write,
        file_name=download.file_name,
        mime=download.mime,
        key=key,
        on_click="ignore",
        icon=":material/download:",
    )


def _to_spec(chart: AnyChart | None) -> dict[str, Any] | None:
    return None if chart is None else chart.to_dict()


def _read_pick(key: str) -> str:
    """Return the key of what is chosen in a chart; empty for nothing."""
    selection = st.session_state[key].selection
    for picked in selection.values():
        for point in picked:
            return str(point.get("key", ""))
    return ""


def _arrange(columns: Sequence[CatalogColumn], code: str) -> list[CatalogColumn]:
    """Return the columns that people see in a language, in their order.

    First who or what a row is, of a group also of which tenant, then the amount that it is about:
    both are in view on a phone. Ids are for programs, and the page says which currency it is about.
    """
    shown = {
        column.name: column
        for column in choose_columns(columns, code)
        if not column.name.endswith("_id") and column.name != "currency"
    }
    names = [name for name in shown if name != _TENANT]
    first = next((name for name in _NAMES if name in shown), names[0])
    main = next((name for name in _MAIN_AMOUNTS if name in shown), first)
    of_group = [_TENANT] if _TENANT in shown else []
    return [shown[name] for name in dict.fromkeys((*of_group, first, main, *shown))]


def _style(
    reading: Reading, columns: Sequence[CatalogColumn], rows: Sequence[Sequence[Any]]
) -> Styler:
    """Return the rows as a table whose cells are written as people do, and sorted as values."""
    labels = _list_labels(reading, columns)
    values = {label: [row[index] for row in rows] for index, label in enumerate(labels)}
    style = CellStyle(reading.language, reading.freshness.timezone, reading.text.values)
    writers = {
        label: partial(_write_cell, style, column)
        for label, column in zip(labels, columns, strict=True)
    }
    return pd.DataFrame(values, columns=labels).style.format(writers)


def _write_cell(style: CellStyle, column: CatalogColumn, value: Any) -> str:
    """Write a value as people do; pandas has made other types of some."""
    if value is None or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer() and "INT" in column.type:
        value = int(value)
    return style.write(column, value).text


def _list_labels(reading: Reading, columns: Sequence[CatalogColumn]) -> list[str]:
    return unique_names([column.label(reading.language.code) for column in columns])


def _configure(reading: Reading, columns: Sequence[CatalogColumn]) -> dict[str, Any]:
    """Explain each column where the reader points at its label; keep the first in view."""
    code = reading.language.code
    labels = _list_labels(reading, columns)
    return {
        label: st.column_config.Column(
            label, help=escape_markdown(column.describe(code)), pinned=place == 0
        )
        for place, (label, column) in enumerate(zip(labels, columns, strict=True))
    }


def describe_share(share: Decimal | None, reading: Reading) -> str:
    """Say which share of the receivables something is; empty if it is unknown."""
    return (
        "" if share is None else reading.word("headline_share", share=reading.language.share(share))
    )
