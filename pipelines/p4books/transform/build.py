"""Building the models as views and tables, and running their checks."""

from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import date
from pathlib import Path
from threading import Timer

import duckdb

from p4books.errors import BrokenSql, CheckFailed, locate_sql_error
from p4books.settings import Settings
from p4books.storage.database import THREADS, open_database, quote_identifier, quote_literal
from p4books.storage.run_log import Run
from p4books.transform.as_of import record_as_of, rewind_to_day
from p4books.transform.models import (
    CUSTOM,
    LAYERS,
    Model,
    ModelSet,
    SqlSources,
    depends_on_left_out,
    find_header_line,
    load_models,
    order_models,
)
from p4books.transform.seeds import load_seeds

SHOWN = 10  # rows of a failed check


def run_checks(
    con: duckdb.DuckDBPyConnection, models: Iterable[Model], files: Iterable[Path]
) -> None:
    """Make all checks on the database in use. Raises CheckFailed at the first that fails.

    Raises BrokenSql for a check that can't be made.
    """
    for model in models:
        check_keys(con, model)
    for file in files:
        _run_check(con, file.stem.replace("_", " "), _check_query(file), file)


def check_keys(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that the key of a model tells its rows apart. Raises CheckFailed and BrokenSql."""
    if not model.key:
        return
    table = f"{model.layer}.{quote_identifier(model.name)}"
    columns = {column for column, *_ in con.execute(f"describe {table}").fetchall()}
    for column in model.key:
        if column not in columns:
            line = find_header_line(model, "key")
            raise BrokenSql(model.file, line, f"it has no column {column}, which its key names")
    for claim, query in _find_claims(model, table):
        _run_check(con, claim, query, model.file)


def _run_check(con: duckdb.DuckDBPyConnection, claim: str, query: str, file: Path) -> None:
    try:
        found = con.execute(query).fetchmany(SHOWN)
        if not found:
            return
        columns = [column[0] for column in con.description or ()]
        row = con.execute(f"select count(*) from (\n{query}\n)").fetchone()
    except duckdb.Error as error:
        raise locate_sql_error(file, error) from None
    raise CheckFailed(claim, row[0] if row else len(found), list(_describe_failure(columns, found)))


def _find_claims(model: Model, table: str) -> Iterator[tuple[str, str]]:
    key = ", ".join(quote_identifier(column) for column in model.key)
    gaps = " or ".join(f"{quote_identifier(column)} is null" for column in model.key)
    yield (
        f"{model.full} has one row per {', '.join(model.key)}",
        f"select {key}, count(*) as rows from {table} group by {key} having count(*) > 1",
    )
    yield (
        f"{model.full} has no row without {', '.join(model.key)}",
        f"select {key} from {table} where {gaps}",
    )


def _check_query(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None


def _describe_failure(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    for row in rows:
        yield ", ".join(f"{column}: {value}" for column, value in zip(columns, row, strict=True))


def create_views(con: duckdb.DuckDBPyConnection, found: ModelSet) -> None:
    """Make our views anew in the database of `con`. Raises BrokenSql, naming file and line."""
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for model in found.models:
        if model.layer != CUSTOM:
            _create_view(con, model)


def _create_view(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    view = f"{model.layer}.{quote_identifier(model.name)}"
    try:
        con.execute(f"create view {view} as\n{model.sql}")
        con.execute(f"comment on view {view} is {quote_literal(model.grain)}")
    except duckdb.Error as error:
        raise locate_sql_error(model.file, error, above=1) from None


CUSTOM_TIMEOUT = 120.0  # seconds that a report of the user's own may take
SEARCH_PATH = ",".join([*(f"made.{layer}" for layer in LAYERS[1:]), "warehouse.raw"])


def build_tables(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[Model]:
    """Make those models that are ours, and return them. Raises BrokenSql."""
    for layer in LAYERS[1:]:
        con.execute(f"create schema made.{layer}")
    ours = {model.full: model for model in models if model.layer != CUSTOM}
    order = order_models(ours.values())
    order.prepare()
    with ThreadPoolExecutor(THREADS) as writers:  # a table is the work of one thread
        going: dict[Future[None], str] = {}
        while order.is_active():
            for full in order.get_ready():
                going[writers.submit(_write_table, con.cursor(), ours[full])] = full
            done, _ = wait(going, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
                order.done(going.pop(each))
    return list(ours.values())


def build_custom_tables(
    con: duckdb.DuckDBPyConnection,
    found: ModelSet,
    *,
    is_last_try: bool,
    longest: float = CUSTOM_TIMEOUT,
) -> ModelSet:
    """Make the models that are the user's own; return all that were made, and why others were not.

    One that takes longer than `longest` seconds is left out, and in the last try one that needs
    more memory than it may take. Raises duckdb.OutOfMemoryException in a try before.
    """
    models: list[Model] = []
    left_out: dict[str, BrokenSql] = {}
    for model in found.models:
        try:
            if model.layer == CUSTOM:
                _write_custom_table(con.cursor(), model, left_out.keys(), longest)
            models.append(model)
        except BrokenSql as fault:
            left_out[model.full] = fault
        except duckdb.OutOfMemoryException as error:
            if not is_last_try:
                raise
            left_out[model.full] = locate_sql_error(model.file, error)
    return ModelSet(models, [*found.left_out, *left_out.values()])


def _write_table(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    table = f"made.{model.layer}.{quote_identifier(model.name)}"
    con.execute(f"set search_path = {quote_literal(SEARCH_PATH)}")
    try:
        con.execute(f"create table {table} as\n{model.sql}")
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError) as error:
        raise locate_sql_error(model.file, error, above=1) from None
    con.execute(f"comment on table {table} is {quote_literal(model.grain)}")
    for (column,) in con.execute(f"select column_name from (describe {table})").fetchall():
        if meaning := model.columns.get(column):
            con.execute(
                f"comment on column {table}.{quote_identifier(column)} is {quote_literal(meaning)}"
            )


def _write_custom_table(
    con: duckdb.DuckDBPyConnection, model: Model, left_out: Set[str], longest: float
) -> None:
    if blocked := sorted(model.reads & left_out):
        raise depends_on_left_out(model, blocked[0])
    stop = Timer(longest, con.interrupt)
    stop.start()
    try:
        _write_table(con, model)
        con.execute("use made")
        check_keys(con, model)
        _check_order(con, model)
    except duckdb.OutOfMemoryException:
        raise
    except (BrokenSql, CheckFailed, duckdb.Error) as error:
        con.execute(f"drop table if exists made.{CUSTOM}.{quote_identifier(model.name)}")
        raise _describe_custom_failure(model, error, longest) from None
    finally:
        stop.cancel()


def _check_order(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make sure that it can be sorted as it says, so that no export of it fails."""
    if not model.sorted_by:
        return
    try:
        con.execute(
            f"from {CUSTOM}.{quote_identifier(model.name)} order by {model.sorted_by} limit 0"
        )
    except duckdb.Error as error:
        why = f"it can't be sorted by {model.sorted_by} ({str(error).splitlines()[0]})"
        raise BrokenSql(model.file, find_header_line(model, "order"), why) from None


def _describe_custom_failure(
    model: Model, error: BrokenSql | CheckFailed | duckdb.Error, longest: float
) -> BrokenSql:
    if isinstance(error, BrokenSql):
        return error
    if isinstance(error, duckdb.InterruptException):
        why = f"it takes longer than the {longest:g} s that a report may take"
        return BrokenSql(model.file, 1, why)
    if isinstance(error, CheckFailed):
        return BrokenSql(model.file, find_header_line(model, "key"), error.found)
    return locate_sql_error(model.file, error, above=1)


def prepare_models(
    warehouse: Path,
    settings: Settings,
    sql: SqlSources,
    runs: Sequence[Run],
    day: date | None = None,
) -> ModelSet:
    """Make the views anew in a warehouse, with all that they are told; return what to publish.

    `day` takes the warehouse back to its end. Raises BrokenSql, with the views as they were, and
    NoPicture where that day can't be shown.
    """
    found = load_models(sql)
    with open_database(warehouse) as con:
        con.execute("begin")
        load_seeds(con, sql)
        record_as_of(con, settings, runs)
        create_views(con, found)
        con.execute("commit")
    if day:
        rewind_to_day(warehouse, day, settings)
    return found
