"""Building the models as views and tables."""

from collections.abc import Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from threading import Timer

import duckdb

from p4books.errors import BrokenSql, CheckFailed, locate_sql_error
from p4books.storage.database import CursorPool, quote_identifier, quote_literal
from p4books.storage.interrupt import is_stop_requested, track_connection
from p4books.transform.changes import (
    LOOKUP_PATH,
    PUBLISHED_PATH,
    TARGET,
    Changes,
    create_view_schemas,
    name_table,
)
from p4books.transform.checks import check_key
from p4books.transform.inputs import INPUTS, USER_TABLES
from p4books.transform.macros import (
    ScalarMacros,
    create_macros,
    drop_macros,
    load_macros,
    write_out_macros,
)
from p4books.transform.models import (
    CUSTOM,
    LAYERS,
    Model,
    ModelSet,
    find_header_line,
    is_amount,
    is_day,
    list_published_read,
    order_models,
    report_blocked,
)
from p4books.transform.slices import Slices
from p4books.transform.update import TableUpdate
from p4books.transform.user_tables import load_user_tables

CUSTOM_TIMEOUT = 120.0  # seconds per custom model
SEARCH_PATH = ",".join([LOOKUP_PATH, INPUTS, "warehouse.raw", USER_TABLES, "memory.main"])


def create_views(con: duckdb.DuckDBPyConnection, models: ModelSet, *, kind: str = "view") -> None:
    """Replace the macros and the views of all built-in models. Raises BrokenSql.

    Custom models are tables of the published file only: a failing one would abort the transaction.
    With the `kind` "table" they are tables, which saves DuckDB to plan views within views.
    """
    drop_macros(con)
    create_macros(con, models.macros)
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for model in models.models:
        if model.layer != CUSTOM:
            _create_view(con, model, kind)


def build_tables(
    con: duckdb.DuckDBPyConnection,
    models: ModelSet,
    changes: Changes | None = None,
    slices: Slices | None = None,
    fingerprints: dict[str, str] | None = None,
) -> list[Model]:
    """Build the built-in models in TARGET, from the rows of `warehouse`; return these models.

    A model becomes a table as soon as those it reads are built. One without a table becomes a view,
    or in an update of small books a table of STORED_VIEWS. With `changes`, TARGET is a copy of the
    last published file, and only what they concern is built; they are completed by the changes of
    the models. `slices` are kept for `run_checks`, `fingerprints` of tables for the next update of
    small books. Raises BrokenSql.
    """
    for layer in LAYERS[1:]:
        con.execute(f"create schema if not exists {TARGET}.{layer}")
    create_view_schemas(con)
    con.execute("use memory")
    create_macros(con, models.macros)
    builtin = {model.full_name: model for model in models.models if model.layer != CUSTOM}
    update, slices = None, slices or Slices()
    if changes is not None:
        known = {} if fingerprints is None else fingerprints
        update = TableUpdate(builtin, changes, SEARCH_PATH, _fill_table, slices, known)

    macros = load_macros(con) if update is None else {}

    order = order_models(builtin.values())
    order.prepare()
    running: dict[Future[None], str] = {}
    pool = CursorPool(con, SEARCH_PATH, slices.workers)
    with pool as cursors, ThreadPoolExecutor(slices.workers) as workers:

        def build(name: str) -> None:
            with cursors.borrow() as cursor:
                _build_model(cursor, builtin[name], update, macros)

        while order.is_active():
            for name in order.get_ready():
                running[workers.submit(build, name)] = name
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
    try, one that runs out of memory. Before, duckdb.OutOfMemoryException is raised for it. A table
    of the user that cannot be read is left out with the models that read it.
    """
    built: list[Model] = []
    with track_connection(con.cursor()) as cursor:
        cursor.execute(f"set search_path = {quote_literal(SEARCH_PATH)}")
        tables = load_user_tables(cursor, models.seeds)
    left_out: dict[str, BrokenSql] = {**tables.left_out}
    for model in models.models:
        try:
            if model.layer == CUSTOM:
                with track_connection(con.cursor()) as cursor:  # no result may stay open
                    _build_custom_table(cursor, model, left_out.keys(), timeout)
            built.append(model)
        except BrokenSql as error:
            left_out[model.full_name] = tables.explain(error, model.reads)
        except duckdb.OutOfMemoryException as error:
            if not is_last_try:
                raise
            left_out[model.full_name] = locate_sql_error(model.file, error)
    return replace(models, models=built, left_out=[*models.left_out, *left_out.values()])


def drop_unpublished(con: duckdb.DuckDBPyConnection, models: ModelSet) -> ModelSet:
    """Drop the models that are not published from TARGET, and return the others.

    The `reads` of these name published models: what was read through a dropped one.
    """
    by_name = {model.full_name: model for model in models.models}
    published = []
    for model in models.models:
        if model.published:
            published.append(replace(model, reads=list_published_read(model.reads, by_name)))
        else:
            con.execute(f"drop view if exists {name_table(model)}")
    return replace(models, models=published)


def _create_view(con: duckdb.DuckDBPyConnection, model: Model, kind: str) -> None:
    view = f"{model.layer}.{quote_identifier(model.name)}"
    try:
        con.execute(f"create {kind} {view} as\n{model.sql}")
        con.execute(f"comment on {kind} {view} is {quote_literal(model.grain)}")
    except duckdb.Error as error:
        raise locate_sql_error(model.file, error, above=1) from None


def _build_model(
    con: duckdb.DuckDBPyConnection, model: Model, update: TableUpdate | None, macros: ScalarMacros
) -> None:
    if model.has_table:
        _build_table(con, model, update)
    elif update is not None and not update.slices.are_used:
        update.store_view(con, model)
    elif update is None or not model.published:  # a published view is as before
        _build_view(con, model, macros)


def _build_table(
    con: duckdb.DuckDBPyConnection, model: Model, update: TableUpdate | None = None
) -> None:
    """Build a table; its rows are in its order, for tools that show the first ones.

    In a large one that is patched, the rows that changed are last.
    """
    if update is None:
        _fill_in_order(con, model, name_table(model))
    elif update.update(con, model):
        return
    _comment_on(con, model)


def _build_view(con: duckdb.DuckDBPyConnection, model: Model, macros: ScalarMacros) -> None:
    """Create the view of a model in TARGET.

    One that is published does without `raw` and the macros, which readers do not have.
    """
    path = f"{PUBLISHED_PATH},memory.main" if model.published else SEARCH_PATH
    create = f"create or replace view {name_table(model)} as\n"
    _set_path(con, path)
    _create(con, model, f"{create}{model.sql}")  # shows the line of an error
    if model.published:
        try:
            query = write_out_macros(con, model.sql, macros)
        except ValueError as error:
            raise BrokenSql(model.file, 1, str(error)) from None
        _set_path(con, PUBLISHED_PATH)
        _create(con, model, f"{create}{query}")
        _comment_on(con, model)


def _fill_in_order(con: duckdb.DuckDBPyConnection, model: Model, table: str) -> None:
    """Create a table from a model in its order; in none if that names no column.

    The checks of the key and of the order say so later.
    """
    _set_path(con, SEARCH_PATH)
    if model.sorted_by:
        with suppress(duckdb.BinderException):
            con.execute(f"create table {table} as from (\n{model.sql}\n) order by {model.order}")
            return
        _roll_back(con)
    _fill_table(con, model, table, "")


def _roll_back(con: duckdb.DuckDBPyConnection) -> None:
    """Roll back what a failed PIVOT leaves open: DuckDB runs it as several statements."""
    with suppress(duckdb.TransactionException):
        con.rollback()


def _fill_table(con: duckdb.DuckDBPyConnection, model: Model, table: str, clauses: str) -> None:
    """Create a table from a model, with clauses after its query."""
    _create(con, model, f"create table {table} as from (\n{model.sql}\n) {clauses}")


def _create(con: duckdb.DuckDBPyConnection, model: Model, statement: str) -> None:
    try:
        con.execute(statement)
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise locate_sql_error(model.file, error, above=1) from None


def _set_path(con: duckdb.DuckDBPyConnection, search_path: str) -> None:
    con.execute(f"set search_path = {quote_literal(search_path)}")


def _comment_on(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    kind, table = "table" if model.has_table else "view", name_table(model)
    comments = [f"comment on {kind} {table} is {quote_literal(model.grain)}"]
    comments += [
        f"comment on column {table}.{quote_identifier(column)} is {quote_literal(meaning)}"
        for (column,) in con.execute(f"select column_name from (describe {table})").fetchall()
        if (meaning := model.columns.get(column))
    ]
    con.execute(f"begin; {'; '.join(comments)}; commit")


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
        _check_names(con, model)
    except duckdb.OutOfMemoryException:
        raise
    except (BrokenSql, CheckFailed, duckdb.Error) as error:
        if is_stop_requested():  # the report is not at fault
            raise KeyboardInterrupt from None
        _roll_back(con)
        con.execute(f"drop table if exists {name_table(model)}")
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


def _check_names(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that `period` and `total` of the model name a day and amounts."""
    found = con.execute(f"describe {CUSTOM}.{quote_identifier(model.name)}").fetchall()
    types = {column[0]: column[1] for column in found}
    if model.period and not is_day(types.get(model.period, "")):
        why = f"period names {model.period}, which is not a column of days or instants"
        raise BrokenSql(model.file, find_header_line(model, "period"), why)
    for name in model.totals:
        if not is_amount(types.get(name, "")):
            why = f"total names {name}, which is not a column of amounts (decimals with cents)"
            raise BrokenSql(model.file, find_header_line(model, "total"), why)


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
