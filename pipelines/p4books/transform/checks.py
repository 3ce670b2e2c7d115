"""Checks: queries that must return no rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb

from p4books.errors import BrokenSql, CheckFailed, locate_sql_error
from p4books.storage.database import CursorPool, quote_identifier, quote_literal
from p4books.transform.changes import LOOKUP_PATH, Changes, create_view_schemas, list_changes
from p4books.transform.models import Model, find_header_line, parse_partition
from p4books.transform.reads import find_reads
from p4books.transform.slices import Slices

Check = Callable[[duckdb.DuckDBPyConnection], str | None]
"""Returns its claim if it was run and passed, None if there was no need to run it."""

_SHOWN_ROWS = 10  # of a failed check


def run_checks(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    files: Iterable[Path],
    changes: Changes | None = None,
    slices: Slices | None = None,
) -> list[str]:
    """Check the keys of published models and run all checks on TARGET.

    Returns the claims of the checks of `files` that were run, which passed.

    A check is a query that must return no rows; its file name is what it claims. With `changes`
    since the last published file, what was checked then and is as before is not checked again.
    Raises CheckFailed at the first that fails, and BrokenSql if one cannot be run.
    """
    by_name, slices = {model.full_name: model for model in models}, slices or Slices()
    checks: list[Check] = [
        *(
            partial(_check_changed_key, model=model, models=by_name, changes=changes, slices=slices)
            for model in models
        ),
        *(
            partial(_check_changed, file=file, models=by_name, changes=changes, slices=slices)
            for file in files
        ),
    ]

    create_view_schemas(con)
    pool = CursorPool(con, LOOKUP_PATH, slices.workers)
    with pool as cursors, ThreadPoolExecutor(slices.workers) as workers:

        def run(check: Check) -> str | None:
            with cursors.borrow() as cursor:
                return check(cursor)

        return [claim for claim in workers.map(run, checks) if claim is not None]


def name_claim(file: Path) -> str:
    """Return what the check in a file claims."""
    return file.stem.replace("_", " ")


def run_check(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Run one check on the database in use. Raises CheckFailed and BrokenSql."""
    _run_query(con, name_claim(file), _read_query(file), file)


def list_reads(file: Path) -> frozenset[str]:
    """Return the tables that a check reads, as schema.table. Raises BrokenSql."""
    return find_reads(_read_query(file), file)


def check_key(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that the key of a model identifies its rows. Raises CheckFailed and BrokenSql."""
    if not model.key:
        return
    table = f"{model.layer}.{quote_identifier(model.name)}"
    try:
        broken = _fetch_some(con, _find_broken_keys(model, table), model.file)
    except BrokenSql:
        columns = {column for column, *_ in con.execute(f"describe {table}").fetchall()}
        for column in model.key:
            if column not in columns:
                why = f"its key names {column}, which is not a column"
                raise BrokenSql(model.file, find_header_line(model, "key"), why) from None
        raise
    if broken:
        for claim, query in _key_checks(model, table):
            _run_query(con, claim, query, model.file)


def _check_changed_key(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    models: Mapping[str, Model],
    changes: Changes | None,
    slices: Slices,
) -> None:
    changed = list_changes([model.full_name], models, changes or {})
    if not model.published or (changes is not None and not changed):
        return
    if slices.are_used:
        con.execute(f"set search_path = {quote_literal(LOOKUP_PATH)}")
    if part := slices.copy_inputs(con, [model.full_name], model.partition, changed):
        con.execute(f"set search_path = {quote_literal(part.prepend_to(LOOKUP_PATH))}")
    check_key(con, model)


def _check_changed(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    models: Mapping[str, Model],
    changes: Changes | None,
    slices: Slices,
) -> str | None:
    query = _read_query(file)
    reads = find_reads(query, file) if changes is not None else frozenset()
    changed = list_changes(reads, models, changes or {})
    if changes is not None and not changed:
        return None
    if slices.are_used:
        con.execute(f"set search_path = {quote_literal(LOOKUP_PATH)}")
    if part := slices.copy_inputs(con, reads, parse_partition(query), changed):
        con.execute(f"set search_path = {quote_literal(part.prepend_to(LOOKUP_PATH))}")
    run_check(con, file)
    return name_claim(file)


def _find_broken_keys(model: Model, table: str) -> str:
    """Return the query of the rows whose key is not unique or not complete, which is rare."""
    key, is_incomplete = _name_key(model)
    broken = f"count(*) > 1 or {is_incomplete}"
    return f"select {key}, count(*) as rows from {table} group by {key} having {broken}"


def _key_checks(model: Model, table: str) -> Iterator[tuple[str, str]]:
    key, is_incomplete = _name_key(model)
    yield (
        f"{model.full_name} has one row per {', '.join(model.key)}",
        f"select {key}, count(*) as rows from {table} group by {key} having count(*) > 1",
    )
    yield (
        f"{model.full_name} has no row without {', '.join(model.key)}",
        f"select {key} from {table} where {is_incomplete}",
    )


def _name_key(model: Model) -> tuple[str, str]:
    """Return the columns of a key, and the condition that one of them is null."""
    columns = [quote_identifier(column) for column in model.key]
    return ", ".join(columns), " or ".join(f"{column} is null" for column in columns)


def _read_query(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None


def _run_query(con: duckdb.DuckDBPyConnection, claim: str, query: str, file: Path) -> None:
    rows = _fetch_some(con, query, file)
    if not rows:
        return
    columns = [column[0] for column in con.description or ()]
    count = con.execute(f"select count(*) from (\n{query}\n)").fetchone()
    shown = [_format_row(columns, row) for row in rows]
    raise CheckFailed(claim, count[0] if count else len(rows), shown)


def _fetch_some(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> list[tuple[object, ...]]:
    """Return the first rows of a query, which should have none."""
    try:
        return con.execute(query).fetchmany(_SHOWN_ROWS)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise locate_sql_error(file, error) from None


def _format_row(columns: Sequence[str], row: Sequence[object]) -> str:
    return ", ".join(f"{column}: {value}" for column, value in zip(columns, row, strict=True))
