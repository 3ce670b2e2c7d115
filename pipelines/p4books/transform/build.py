"""Building the models as views and tables, and running their checks."""

from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Timer

import duckdb

from p4books.errors import BrokenSql, CheckFailed, locate_sql_error
from p4books.settings import Settings
from p4books.storage.database import THREADS, open_database, quote_identifier, quote_literal
from p4books.storage.interrupt import track_connection
from p4books.storage.run_log import Run
from p4books.transform.as_of import record_as_of, rewind_to_day
from p4books.transform.macros import create_macros
from p4books.transform.models import (
    CUSTOM,
    LAYERS,
    Model,
    ModelSet,
    SqlSources,
    find_header_line,
    load_models,
    order_models,
    published_reads,
    report_blocked,
)
from p4books.transform.seeds import load_seeds

CUSTOM_TIMEOUT = 120.0  # seconds per custom model
TARGET = "published"  # database in which the tables are built; the rows come from `warehouse`

_SEARCH_PATH = ",".join(
    [*(f"{TARGET}.{layer}" for layer in LAYERS[1:]), "warehouse.raw", "warehouse.main"]
)
_SHOWN_ROWS = 10  # of a failed check


def prepare_models(
    warehouse: Path,
    settings: Settings,
    sql: SqlSources,
    runs: Sequence[Run],
    day: date | None = None,
) -> ModelSet:
    """Rebuild the seeds, the as-of row and the views of a warehouse; return the models to publish.

    `day` takes the warehouse back to the end of that day. Raises BrokenSql, with the views
    unchanged, and NoPicture if the day cannot be shown.
    """
    models = load_models(sql)
    with open_database(warehouse) as con:
        con.execute("begin")
        load_seeds(con, sql)
        record_as_of(con, settings, runs)
        create_views(con, models)
        con.execute("commit")
    if day:
        rewind_to_day(warehouse, day, settings)
    return models


def create_views(con: duckdb.DuckDBPyConnection, models: ModelSet) -> None:
    """Replace the macros and the views of all built-in models. Raises BrokenSql.

    Custom models are tables of the published file only: a failing one would abort the transaction.
    """
    create_macros(con, models.macros)
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for model in models.models:
        if model.layer != CUSTOM:
            _create_view(con, model)


def build_tables(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[Model]:
    """Build the built-in models in TARGET, from the rows of `warehouse`; return these models.

    A model becomes a table as soon as those it reads are built, two at a time. One that is not
    published becomes a view. Raises BrokenSql.
    """
    for layer in LAYERS[1:]:
        con.execute(f"create schema {TARGET}.{layer}")
    builtin = {model.full_name: model for model in models if model.layer != CUSTOM}
    order = order_models(builtin.values())
    order.prepare()
    with ThreadPoolExecutor(THREADS) as workers:  # DuckDB fills a small table with one thread
        running: dict[Future[None], str] = {}
        while order.is_active():
            for name in order.get_ready():
                running[
                    workers.submit(_build_table, track_connection(con.cursor()), builtin[name])
                ] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                order.done(running.pop(future))
    return list(builtin.values())


def build_custom_tables(
    con: duckdb.DuckDBPyConnection,
    models: ModelSet,
    *,
    is_last_try: bool,
    timeout: float = CUSTOM_TIMEOUT,
) -> ModelSet:
    """Build the custom models in TARGET, one after the other; return what was built.

    A model that fails or takes longer than `timeout` seconds is left out, and so is, in the last
    try, one that runs out of memory. Before, duckdb.OutOfMemoryException is raised for it.
    """
    built: list[Model] = []
    left_out: dict[str, BrokenSql] = {}
    for model in models.models:
        try:
            if model.layer == CUSTOM:
                cursor = track_connection(con.cursor())
                _build_custom_table(cursor, model, left_out.keys(), timeout)
            built.append(model)
        except BrokenSql as error:
            left_out[model.full_name] = error
        except duckdb.OutOfMemoryException as error:
            if not is_last_try:
                raise
            left_out[model.full_name] = locate_sql_error(model.file, error)
    return replace(models, models=built, left_out=[*models.left_out, *left_out.values()])


def drop_unpublished(con: duckdb.DuckDBPyConnection, models: ModelSet) -> ModelSet:
    """Drop the models that are not published from TARGET, and return the others.

    The `reads` of these name published tables: what was read through a dropped model.
    """
    by_name = {model.full_name: model for model in models.models}
    published = []
    for model in models.models:
        if model.published:
            published.append(replace(model, reads=published_reads(model, by_name)))
        else:
            con.execute(f"drop view {TARGET}.{model.layer}.{quote_identifier(model.name)}")
    return replace(models, models=published)


def run_checks(
    con: duckdb.DuckDBPyConnection, models: Iterable[Model], files: Iterable[Path]
) -> None:
    """Check the keys of published models and run all checks on the database in use.

    A check is a query that must return no rows; its file name is what it claims. Raises CheckFailed
    at the first that fails, and BrokenSql if one cannot be run.
    """
    for model in models:
        if model.published:
            check_key(con, model)
    for file in files:
        _run_check(con, file.stem.replace("_", " "), _read_query(file), file)


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
        _run_check(con, claim, query, model.file)


def _create_view(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    view = f"{model.layer}.{quote_identifier(model.name)}"
    try:
        con.execute(f"create view {view} as\n{model.sql}")
        con.execute(f"comment on view {view} is {quote_literal(model.grain)}")
    except duckdb.Error as error:
        raise locate_sql_error(model.file, error, above=1) from None


def _build_table(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Build a model; the rows of a table are in its order, for tools that show the first ones."""
    table = f"{TARGET}.{model.layer}.{quote_identifier(model.name)}"
    kind = "table" if model.published else "view"
    con.execute(f"set search_path = {quote_literal(_SEARCH_PATH)}")
    try:
        _create_table(con, model, f"create {kind} {table} as")
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise locate_sql_error(model.file, error, above=1) from None
    if model.published:
        _comment_on_table(con, model, table)


def _create_table(con: duckdb.DuckDBPyConnection, model: Model, create: str) -> None:
    """Create a model with its rows in its order; without it if that names no column.

    The checks of the key and of the order say so later.
    """
    if model.published and model.sorted_by:
        with suppress(duckdb.BinderException):
            con.execute(f"{create} from (\n{model.sql}\n) order by {model.order}")
            return
    con.execute(f"{create}\n{model.sql}")


def _comment_on_table(con: duckdb.DuckDBPyConnection, model: Model, table: str) -> None:
    con.execute(f"comment on table {table} is {quote_literal(model.grain)}")
    for (column,) in con.execute(f"select column_name from (describe {table})").fetchall():
        if meaning := model.columns.get(column):
            con.execute(
                f"comment on column {table}.{quote_identifier(column)} is {quote_literal(meaning)}"
            )


def _build_custom_table(
    con: duckdb.DuckDBPyConnection, model: Model, left_out: Set[str], timeout: float
) -> None:
    if blocking := sorted(model.reads & left_out):
        raise report_blocked(model, blocking[0])
    timer = Timer(timeout, con.interrupt)
    timer.start()
    try:
        _build_table(con, model)
        con.execute(f"use {TARGET}")
        check_key(con, model)
        _check_order(con, model)
    except duckdb.OutOfMemoryException:
        raise
    except (BrokenSql, CheckFailed, duckdb.Error) as error:
        con.execute(f"drop table if exists {TARGET}.{CUSTOM}.{quote_identifier(model.name)}")
        raise _translate_custom_error(model, error, timeout) from None
    finally:
        timer.cancel()


def _check_order(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that the model can be sorted by its `order`, so that no export of it fails."""
    if not model.sorted_by:
        return
    try:
        con.execute(
            f"from {CUSTOM}.{quote_identifier(model.name)} order by {model.sorted_by} limit 0"
        )
    except duckdb.Error as error:
        why = f"it cannot be sorted by {model.sorted_by} ({str(error).splitlines()[0]})"
        raise BrokenSql(model.file, find_header_line(model, "order"), why) from None


def _translate_custom_error(
    model: Model, error: BrokenSql | CheckFailed | duckdb.Error, timeout: float
) -> BrokenSql:
    if isinstance(error, BrokenSql):
        return error
    if isinstance(error, duckdb.InterruptException):
        return BrokenSql(model.file, 1, f"it did not finish within {timeout:g} s")
    if isinstance(error, CheckFailed):
        return BrokenSql(model.file, find_header_line(model, "key"), error.finding)
    return locate_sql_error(model.file, error, above=1)


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


def _run_check(con: duckdb.DuckDBPyConnection, claim: str, query: str, file: Path) -> None:
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
