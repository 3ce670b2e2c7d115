"""What changed in the tables of `raw` since the last published file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.models import LAYERS, Model, list_tables_read

TARGET = "published"  # database in which the tables are built; the rows come from `warehouse`
PUBLISHED_PATH = ",".join(f"{TARGET}.{layer}" for layer in LAYERS[1:])  # to find them on
SCRATCH = "memory.changes"  # schema of the tables with changed rows
STORED_VIEWS = "memory"  # database with the rows of views of small books, found before the views
LOOKUP_PATH = ",".join([*(f"{STORED_VIEWS}.{layer}" for layer in LAYERS[1:-1]), PUBLISHED_PATH])


@dataclass(frozen=True)
class Change:
    """How a table differs from before: its rows that were removed or added.

    `rows` is the name of a table with these rows, and `columns` are the columns of that table. If
    `rows` is None, any row may differ.
    """

    rows: str | None = None
    columns: tuple[str, ...] = ()


Changes = dict[str, Change]  # by full name; a table that is not there is as before
ANY = Change()


def find_changes(
    con: duckdb.DuckDBPyConnection, models: Iterable[Model], before: Mapping[str, str] | None
) -> tuple[Changes | None, dict[str, str]]:
    """Compare the tables of `raw` that models read with those of the last published file.

    That file is TARGET, and `before` are the fingerprints returned when it was made; without them
    there is nothing to compare with, and the changes are None. Returns the changes, and the
    fingerprints to remember.
    """
    con.execute(f"create schema {SCRATCH}")
    by_name = {model.full_name: model for model in models}
    reads = {name for model in by_name.values() for name in list_tables_read(model.reads, by_name)}
    tables = {read: _find_history(read, by_name) for read in reads if read.startswith("raw.")}
    fingerprints = {
        name: take_fingerprint(con, name) for name, history in tables.items() if history is None
    }
    if before is None:
        return None, fingerprints
    changes = {
        name: ANY for name, found in fingerprints.items() if not found or found != before.get(name)
    }
    for name, history in tables.items():
        if history and (change := _compare_versions(con, name, history)):
            changes[name] = change
    return changes, fingerprints


def list_changes(
    reads: Iterable[str], models: Mapping[str, Model], changes: Changes
) -> list[Change]:
    """Return the changes of the tables behind names that are read."""
    tables = list_tables_read(reads, models)
    return [changes[name] for name in sorted(tables) if name in changes]


def create_view_schemas(con: duckdb.DuckDBPyConnection) -> None:
    """Create the schemas of STORED_VIEWS, without which LOOKUP_PATH cannot be set."""
    for layer in LAYERS[1:-1]:
        con.execute(f"create schema if not exists {STORED_VIEWS}.{layer}")


def name_table(model: Model) -> str:
    """Return the quoted name of a model's table in TARGET."""
    return f"{TARGET}.{model.layer}.{quote_identifier(model.name)}"


def name_stored_view(model: Model) -> str:
    """Return the quoted name of a table with the rows of a view."""
    return f"{STORED_VIEWS}.{model.layer}.{quote_identifier(model.name)}"


def save_rows(con: duckdb.DuckDBPyConnection, name: str, query: str) -> Change | None:
    """Save the rows by which a table differs from before; None if it does not."""
    table = f"{SCRATCH}.{quote_identifier(name)}"
    con.execute(f"create or replace table {table} as {query}")
    if con.execute(f"select 1 from {table} limit 1").fetchone() is None:
        return None
    return Change(table, list_columns(con, table))


def list_columns(con: duckdb.DuckDBPyConnection, table: str) -> tuple[str, ...]:
    """Return the names of the columns of a table, in order."""
    return tuple(name for name, *_ in con.execute(f"describe {table}").fetchall())


def take_fingerprint(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return a text that differs if the rows of a small table do; empty if there is none."""
    try:
        row = con.execute(
            f"select count(*) || ' ' || coalesce(sum(hash(rows)), 0) from {name} as rows"
        ).fetchone()
    except duckdb.CatalogException:  # the model that reads it says so later
        return ""
    return row[0] if row else ""


def _find_history(name: str, models: Mapping[str, Model]) -> Model | None:
    """Return the published model that has every version of a list, if there is one."""
    model = models.get(f"staging.{name.removeprefix('raw.')}_history")
    return model if model and model.partition else None


def _compare_versions(con: duckdb.DuckDBPyConnection, name: str, history: Model) -> Change | None:
    """Find the ids with versions that began or ended after all those that are published.

    A load gives its versions times after all earlier ones; anything else that changes them is a
    migration, after which nothing is reused. The newest time and the counts show that the warehouse
    is not another one.
    """
    published = con.execute(
        "select max(greatest(valid_from, valid_to)), count(*), count(valid_to)"
        f" from {TARGET}.{history.full_name}"
    ).fetchone() or (None, 0, 0)
    last = published[0]
    if last is None:
        return ANY if con.execute(f"from {name} limit 1").fetchone() else None
    held = con.execute(
        """
        select
            max(greatest(
                if(_dlt_valid_from <= $last, _dlt_valid_from, null),
                if(_dlt_valid_to <= $last, _dlt_valid_to, null)
            )),
            count(*) filter (_dlt_valid_from <= $last),
            count(*) filter (_dlt_valid_to <= $last),
            count(*) filter (_dlt_valid_from > $last or _dlt_valid_to > $last)
        """
        f" from {name}",
        {"last": last},
    ).fetchone() or (None, 0, 0, 0)
    *as_before, later = held
    if tuple(as_before) != published:
        return ANY
    if not later:
        return None
    since = quote_literal(str(last))
    return save_rows(
        con,
        name,
        f"select distinct id from {name}"
        f" where _dlt_valid_from > {since}::timestamptz or _dlt_valid_to > {since}::timestamptz",
    )
