"""Rows of a model that a sheet has: those of the period, newest first, with their totals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb

from p4books.publish.excel_cells import (
    ColumnFormat,
    ColumnMeasure,
    choose_format,
    select_as_written,
    select_measures,
)
from p4books.publish.language import Language
from p4books.publish.period import Period, find_dated, select_newest_first, select_period
from p4books.publish.query import (
    CatalogColumn,
    CatalogEntry,
    choose_columns,
    execute_for_model,
    fetch_rows,
    list_columns,
)
from p4books.publish.workbook.columns import arrange_columns
from p4books.storage.database import quote_identifier

CURRENCY = "currency"  # the column whose values are never added


@dataclass(frozen=True)
class Total:
    """Sums of columns, by column name, in one currency, None if it has none.

    A sum without any amount is None.
    """

    currency: str | None
    sums: Mapping[str, Decimal | None]


@dataclass(frozen=True)
class RowOptions:
    """Which rows of a model are read, and how: labels in a language, instants in a time zone.

    The `period` is resolved; without it, all rows are read, up to the `limit`.
    """

    language: Language
    timezone: str
    period: Period | None = None
    limit: int | None = None


class ModelRows:
    """Rows of one model in the order of its sheet.

    `columns` are in the order of the sheet, of which the first `naming` are those by which a person
    finds a row, and the last `hidden` are for programs. `count` is the number of rows of the
    period, which is None if the model is not a list by date, and `currencies` how many totals they
    have at most.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, model: CatalogEntry, options: RowOptions
    ) -> None:
        self._con = con
        self._timezone = options.timezone
        self._limit = options.limit
        self.model = model
        columns = choose_columns(list_columns(con, model), options.language.code)
        dated = find_dated(model, columns)
        self.period = options.period if dated else None
        self._source = f"{model.table} where {select_period(model, columns, options.period)}"
        self._order = model.order
        if dated:
            self._order = select_newest_first(dated, model.order, options.timezone)
        order = arrange_columns(columns, model.period)
        self.naming, self.hidden = order.naming, order.hidden
        arranged = [columns[at] for at in order.positions]
        found, self.currencies, measures = self._measure(arranged)
        self.count = found if options.limit is None else min(found, options.limit)
        self.columns: list[ColumnFormat] = [
            choose_format(column, measure, options.language)
            for column, measure in zip(arranged, measures, strict=True)
        ]

    def limit_rows(self, capacity: int) -> int:
        """Let the sheet have no more rows than it has room for; return how many these are."""
        if self.count > capacity:
            self._limit = max(capacity, 0)
        return min(self.count, max(capacity, 0))

    def fetch(self) -> Iterator[tuple[Any, ...]]:
        """Fetch the rows of the sheet. Raises QueryFailed."""
        values = (select_as_written(column.column, self._timezone) for column in self.columns)
        return fetch_rows(self._execute(self._select(", ".join(values))))

    @cached_property
    def totals(self) -> list[Total]:
        """The sums of the rows on the sheet, by currency; empty if nothing is to be added."""
        names = self._total_names
        if not names or not self.count:
            return []
        sums = [f"sum({quote_identifier(name)})" for name in names]
        rows = self._execute(
            f"select {', '.join([self._currency, *sums])} from ({self._select('*')})"
            " group by 1 order by 1 nulls last"
        ).fetchall()
        return [Total(row[0], dict(zip(names, row[1:], strict=True))) for row in rows]

    @property
    def outside(self) -> int:
        """The number of rows of the model outside the period."""
        return self.model.rows - self.count

    @property
    def _total_names(self) -> list[str]:
        return [name for name in self.model.total_columns if name in self._names]

    @property
    def _currency(self) -> str:
        return CURRENCY if CURRENCY in self._names else "null"

    def _measure(self, columns: Sequence[CatalogColumn]) -> tuple[int, int, list[ColumnMeasure]]:
        """Return the number of rows, of currencies, and the longest values of each column."""
        self._names = {column.name for column in columns}
        currencies = f"count(distinct coalesce({self._currency}::varchar, ''))"
        measures = [
            "count(*)",
            currencies if self._total_names else "0",
            *(select_measures(column) for column in columns),
        ]
        sizes = self._execute(f"select {', '.join(measures)} from {self._source}").fetchone() or ()
        count, number, *rest = sizes
        starts = range(0, len(rest), 3)
        return count, number, [ColumnMeasure(*rest[start : start + 3]) for start in starts]

    def _select(self, columns: str) -> str:
        """Return the query for the rows of the sheet."""
        query = f"select {columns} from {self._source} order by {self._order}"
        return query if self._limit is None else f"{query} limit {self._limit}"

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        return execute_for_model(self._con, self.model, sql)
