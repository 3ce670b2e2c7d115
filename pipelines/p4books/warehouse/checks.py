"""Do the models agree with the rows?

Each file of sql/checks is a claim, its name with underscores for spaces, and a query that returns
the rows that contradict it. That keys tell rows apart, and have no gaps, is claimed of every model
that names its key. Faults of the data are no failure: they are findings in
`reporting.data_quality`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb

from p4books.database import name
from p4books.warehouse.errors import BrokenSql, CheckFailed, broken_sql
from p4books.warehouse.model import Model, line_of_header

SHOWN = 10  # rows of a failed check


def run(con: duckdb.DuckDBPyConnection, models: Iterable[Model], files: Iterable[Path]) -> None:
    """Make all checks on the database in use. Raises CheckFailed at the first that fails.

    Raises BrokenSql for a check that can't be made.
    """
    for model in models:
        if model.published:
            keys(con, model)
    for file in files:
        _check(con, file.stem.replace("_", " "), _query(file), file)


def keys(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Check that the key of a model tells its rows apart. Raises CheckFailed and BrokenSql."""
    if not model.key:
        return
    table = f"{model.layer}.{name(model.name)}"
    columns = {column for column, *_ in con.execute(f"describe {table}").fetchall()}
    for column in model.key:
        if column not in columns:
            line = line_of_header(model, "key")
            raise BrokenSql(model.file, line, f"it has no column {column}, which its key names")
    for claim, query in _claims(model, table):
        _check(con, claim, query, model.file)


def _check(con: duckdb.DuckDBPyConnection, claim: str, query: str, file: Path) -> None:
    try:
        found = con.execute(query).fetchmany(SHOWN)
        if not found:
            return
        columns = [column[0] for column in con.description or ()]
        row = con.execute(f"select count(*) from (\n{query}\n)").fetchone()
    except duckdb.Error as error:
        raise broken_sql(file, error) from None
    raise CheckFailed(claim, row[0] if row else len(found), list(_said(columns, found)))


def _claims(model: Model, table: str) -> Iterator[tuple[str, str]]:
    key = ", ".join(name(column) for column in model.key)
    gaps = " or ".join(f"{name(column)} is null" for column in model.key)
    yield (
        f"{model.full} has one row per {', '.join(model.key)}",
        f"select {key}, count(*) as rows from {table} group by {key} having count(*) > 1",
    )
    yield (
        f"{model.full} has no row without {', '.join(model.key)}",
        f"select {key} from {table} where {gaps}",
    )


def _query(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None


def _said(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    for row in rows:
        yield ", ".join(f"{column}: {value}" for column, value in zip(columns, row, strict=True))
