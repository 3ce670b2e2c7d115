"""Checks: queries that must return no rows."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

from p4books.errors import BrokenSql, CheckFailed, locate_sql_error
from p4books.storage.database import THREADS, quote_identifier
from p4books.storage.interrupt import track_connection
from p4books.transform.models import Model, find_header_line, list_tables_read
from p4books.transform.reads import find_reads

_SHOWN_ROWS = 10  # of a failed check


def run_checks(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    files: Iterable[Path],
    changed: Container[str] | None = None,
) -> None:
    """Check the keys of published models and run all checks on the database in use, two at a time.

    A check is a query that must return no rows; its file name is what it claims. With `changed`,
    the names of the tables that differ from those of the last published file, checks that read none
    of them are left out: they passed. Raises CheckFailed at the first that fails, and BrokenSql if
    one cannot be run.
    """
    database = con.execute("select current_database()").fetchone() or ("",)
    by_name = {model.full_name: model for model in models}

    def run(check: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        cursor = track_connection(con.cursor())
        cursor.execute(f"use {quote_identifier(database[0])}")
        check(cursor)

    checks: list[Callable[[duckdb.DuckDBPyConnection], None]] = [
        partial(check_key, model=model)
        for model in models
        if model.published and (changed is None or model.full_name in changed)
    ]
    checks += [
        partial(run_check, file=file)
        for file in files
        if changed is None or any(name in changed for name in _list_reads(file, by_name))
    ]
    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(run, checks))


def run_check(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Run one check on the database in use. Raises CheckFailed and BrokenSql."""
    _run_query(con, file.stem.replace("_", " "), _read_query(file), file)


def check_key(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that the key of a model identifies its rows. Raises CheckFailed and BrokenSql."""
    if not model.key:
        return
    table = f"{model.layer}.{quote_identifier(model.name)}"
    columns = {column for column, *_ in con.execute(f"describe {table}").fetchall()}
    for column in model.key:
        if column not in columns:
            line = find_header_line(model, "key")
            raise BrokenSql(model.file, line, f"its key names {column}, which is not a column")
    for claim, query in _key_checks(model, table):
        _run_query(con, claim, query, model.file)


def _list_reads(file: Path, models: Mapping[str, Model]) -> frozenset[str]:
    return list_tables_read(find_reads(_read_query(file), file), models)


def _key_checks(model: Model, table: str) -> Iterator[tuple[str, str]]:
    key = ", ".join(quote_identifier(column) for column in model.key)
    is_incomplete = " or ".join(f"{quote_identifier(column)} is null" for column in model.key)
    yield (
        f"{model.full_name} has one row per {', '.join(model.key)}",
        f"select {key}, count(*) as rows from {table} group by {key} having count(*) > 1",
    )
    yield (
        f"{model.full_name} has no row without {', '.join(model.key)}",
        f"select {key} from {table} where {is_incomplete}",
    )


def _read_query(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None


def _run_query(con: duckdb.DuckDBPyConnection, claim: str, query: str, file: Path) -> None:
    try:
        rows = con.execute(query).fetchmany(_SHOWN_ROWS)
        if not rows:
            return
        columns = [column[0] for column in con.description or ()]
        count = con.execute(f"select count(*) from (\n{query}\n)").fetchone()
    except duckdb.Error as error:
        raise locate_sql_error(file, error) from None
    shown = [_format_row(columns, row) for row in rows]
    raise CheckFailed(claim, count[0] if count else len(rows), shown)


def _format_row(columns: Sequence[str], row: Sequence[object]) -> str:
    return ", ".join(f"{column}: {value}" for column, value in zip(columns, row, strict=True))
