"""The user's own tables: CSV files in `sql/seeds/` that are not seeds of ours.

Each is a table `seeds.NAME` while the custom models, which alone read it, are built. DuckDB finds
the types and guesses nothing: a column has a type if each of its values is written in a form that
can mean nothing else. So 1,000 and 01/02/2026 are texts.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from p4books.errors import BrokenSeed, count_of
from p4books.spelling import clean_name
from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.csv_file import check_width, read_csv_rows
from p4books.transform.inputs import USER_TABLES
from p4books.transform.models import MODEL_NAME, SEEDS_SCHEMA
from p4books.transform.seeds import SEEDS

_WHOLE = "-?(0|[1-9][0-9]*)"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
_TYPES = {  # the first that fits; how its values are written
    "bigint": _WHOLE,
    "decimal(18, 2)": f"{_WHOLE}([.][0-9]{{1,2}})?",
    "decimal(18, 6)": f"{_WHOLE}([.][0-9]{{1,6}})?",
    "date": _DAY,
    "timestamp": f"{_DAY}[ T]{_TIME}",
    "boolean": "(?i)true|false",
}
_TEXTS = ("id", "code")  # columns of ours with these words at their end are texts


def load_user_tables(
    con: duckdb.DuckDBPyConnection, files: Iterable[Path]
) -> dict[str, BrokenSeed]:
    """Create a view in `memory.seeds` for each CSV file; return why others were left out, by name.

    Our own seeds, which are in `raw` already, are there as well.
    """
    left_out = {}
    for file in files:
        view = f"{USER_TABLES}.{quote_identifier(file.stem)}"
        if file.stem in SEEDS:
            con.execute(f"create or replace view {view} as from raw.{file.stem}")
            continue
        try:
            _load_table(con, file, view)
        except BrokenSeed as error:
            left_out[f"{SEEDS_SCHEMA}.{file.stem}"] = error
        except (duckdb.DataError, duckdb.ProgrammingError) as error:
            why = str(error).splitlines()[0]
            left_out[f"{SEEDS_SCHEMA}.{file.stem}"] = BrokenSeed(file, 1, why)
    return left_out


def _load_table(con: duckdb.DuckDBPyConnection, file: Path, view: str) -> None:
    if not MODEL_NAME.fullmatch(file.stem):
        why = "a table name has only lower-case letters, digits and underscores; rename the file"
        raise BrokenSeed(file, 1, why)
    columns, rows = _read_table(file)
    texts = f"{USER_TABLES}.{quote_identifier(file.name)}"
    names = [quote_identifier(column) for column in columns]
    con.execute(
        f"create or replace table {texts} ({', '.join(f'{name} varchar' for name in names)})"
    )
    if rows:
        lists = ", ".join("unnest(?::varchar[])" for _ in names)
        con.execute(
            f"insert into {texts} select {lists}", [list(each) for each in zip(*rows, strict=True)]
        )
    typed = [
        f"cast({name} as {kind}) as {name}" if kind else f"null as {name}"
        for name, kind in zip(names, _find_types(con, texts, columns), strict=True)
    ]
    con.execute(f"create or replace view {view} as select {', '.join(typed)} from {texts}")


def _read_table(file: Path) -> tuple[list[str], list[list[str | None]]]:
    """Read the names of the columns, and the rows; empty cells are None."""
    lines = read_csv_rows(file)
    _, header = next(lines, (1, []))
    columns = [clean_name(cell) for cell in header]
    while columns and not columns[-1]:
        columns.pop()
    _check_columns(file, columns)
    rows = []
    for line, cells in lines:
        check_width(file, line, columns, cells)
        if len(cells) < len(columns):
            why = f"it has {count_of(len(cells), 'value')} for {len(columns)} columns"
            raise BrokenSeed(file, line, f"{why}; write a separator for each empty one")
        rows.append([cell or None for cell in cells[: len(columns)]])
    return columns, rows


def _check_columns(file: Path, columns: Sequence[str]) -> None:
    if not columns:
        raise BrokenSeed(file, 1, "it is empty; the first line must have the names of the columns")
    known = set()
    for place, column in enumerate(columns, 1):
        if not column:
            raise BrokenSeed(file, 1, f"column {place} has no name")
        if column.casefold() in known:
            raise BrokenSeed(file, 1, f"the column {column} is there twice")
        known.add(column.casefold())


def _find_types(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> list[str | None]:
    """Return the type of each column of texts; None if it has no value.

    Such a column is null, which fits any expression, unlike an empty text.
    """
    fits = [
        f"bool_and(regexp_full_match({name}, {quote_literal(form)})"
        f" and try_cast({name} as {kind}) is not null) filter ({name} is not null)"
        for name in map(quote_identifier, columns)
        for kind, form in _TYPES.items()
    ]
    found = con.execute(f"select {', '.join(fits)} from {table}").fetchone() or ()
    return [
        _choose_type(column, found[place * len(_TYPES) : (place + 1) * len(_TYPES)])
        for place, column in enumerate(columns)
    ]


def _choose_type(column: str, fits: Sequence[bool | None]) -> str | None:
    if None in fits:
        return None
    if column.casefold().rpartition("_")[2] in _TEXTS:
        return "varchar"
    return next((kind for kind, is_fit in zip(_TYPES, fits, strict=True) if is_fit), "varchar")
