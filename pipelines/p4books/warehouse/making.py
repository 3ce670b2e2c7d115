"""How does a model become a table?

The database `made` is the file to be published, `warehouse` holds the rows. A model that is not
published is a view there until all others are made. Ours are made as soon
as those they read are, two at a time; the user's own after them, one after the other, so that none
takes the memory that ours need, and what goes wrong with one stops nothing.
"""

from collections.abc import Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Timer

import duckdb

from p4books.database import THREADS, name, text
from p4books.warehouse import checks
from p4books.warehouse.errors import BrokenSql, CheckFailed, broken_sql
from p4books.warehouse.model import CUSTOM, LAYERS, Model, line_of_header
from p4books.warehouse.models import Found, ordered, published_reads, reads_left_out

LONGEST = 120.0  # seconds that a report of the user's own may take
PATH = ",".join([*(f"made.{layer}" for layer in LAYERS[1:]), "warehouse.raw", "warehouse.main"])


def make(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[Model]:
    """Make those models that are ours, and return them. Raises BrokenSql."""
    for layer in LAYERS[1:]:
        con.execute(f"create schema made.{layer}")
    ours = {model.full: model for model in models if model.layer != CUSTOM}
    order = ordered(ours.values())
    order.prepare()
    with ThreadPoolExecutor(THREADS) as writers:  # a table is the work of one thread
        going: dict[Future[None], str] = {}
        while order.is_active():
            for full in order.get_ready():
                going[writers.submit(_write, con.cursor(), ours[full])] = full
            done, _ = wait(going, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
                order.done(going.pop(each))
    return list(ours.values())


def add_custom(
    con: duckdb.DuckDBPyConnection, found: Found, *, is_last_try: bool, longest: float = LONGEST
) -> Found:
    """Make the models that are the user's own; return all that were made, and why others were not.

    One that takes longer than `longest` seconds is left out, and in the last try one that needs
    more memory than it may take. Raises duckdb.OutOfMemoryException in a try before.
    """
    models: list[Model] = []
    left_out: dict[str, BrokenSql] = {}
    for model in found.models:
        try:
            if model.layer == CUSTOM:
                _write_custom(con.cursor(), model, left_out.keys(), longest)
            models.append(model)
        except BrokenSql as fault:
            left_out[model.full] = fault
        except duckdb.OutOfMemoryException as error:
            if not is_last_try:
                raise
            left_out[model.full] = broken_sql(model.file, error)
    return Found(models, [*found.left_out, *left_out.values()])


def drop_unpublished(con: duckdb.DuckDBPyConnection, found: Found) -> Found:
    """Drop the models that are not published, and return the others.

    What these read through a dropped one is in their `reads`, so that it names published tables.
    """
    known = {model.full: model for model in found.models}
    for model in found.models:
        if not model.published:
            con.execute(f"drop view made.{model.layer}.{name(model.name)}")
    kept = [
        replace(model, reads=published_reads(model, known))
        for model in found.models
        if model.published
    ]
    return replace(found, models=kept)


def _write(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    table = f"made.{model.layer}.{name(model.name)}"
    con.execute(f"set search_path = {text(PATH)}")
    kind = "table" if model.published else "view"
    try:
        con.execute(f"create {kind} {table} as\n{model.sql}")
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise broken_sql(model.file, error, above=1) from None
    if not model.published:
        return
    con.execute(f"comment on table {table} is {text(model.grain)}")
    for (column,) in con.execute(f"select column_name from (describe {table})").fetchall():
        if meaning := model.columns.get(column):
            con.execute(f"comment on column {table}.{name(column)} is {text(meaning)}")


def _write_custom(
    con: duckdb.DuckDBPyConnection, model: Model, left_out: Set[str], longest: float
) -> None:
    if blocked := sorted(model.reads & left_out):
        raise reads_left_out(model, blocked[0])
    stop = Timer(longest, con.interrupt)
    stop.start()
    try:
        _write(con, model)
        con.execute("use made")
        checks.keys(con, model)
        _check_order(con, model)
    except duckdb.OutOfMemoryException:
        raise
    except (BrokenSql, CheckFailed, duckdb.Error) as error:
        con.execute(f"drop table if exists made.{CUSTOM}.{name(model.name)}")
        raise _said(model, error, longest) from None
    finally:
        stop.cancel()


def _check_order(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make sure that it can be sorted as it says, so that no export of it fails."""
    if not model.sorted_by:
        return
    try:
        con.execute(f"from {CUSTOM}.{name(model.name)} order by {model.sorted_by} limit 0")
    except duckdb.Error as error:
        why = f"it can't be sorted by {model.sorted_by} ({str(error).splitlines()[0]})"
        raise BrokenSql(model.file, line_of_header(model, "order"), why) from None


def _said(model: Model, error: BrokenSql | CheckFailed | duckdb.Error, longest: float) -> BrokenSql:
    if isinstance(error, BrokenSql):
        return error
    if isinstance(error, duckdb.InterruptException):
        why = f"it takes longer than the {longest:g} s that a report may take"
        return BrokenSql(model.file, 1, why)
    if isinstance(error, CheckFailed):
        return BrokenSql(model.file, line_of_header(model, "key"), error.found)
    return broken_sql(model.file, error, above=1)
