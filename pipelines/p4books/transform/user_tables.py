"""The user's own tables: CSV files in `sql/seeds/` that are not seeds of ours.

Each is a table `seeds.NAME` while the custom models, which alone read it, are built. DuckDB finds
the types and guesses nothing: a column has a type if each of its values is written in a form that
can mean nothing else. So 1,000 and 01/02/2026 are texts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from p4books.errors import BrokenSeed, BrokenSql, count_of
from p4books.spelling import clean_name
from p4books.storage.database import quote_identifier, quote_literal
from p4books.transform.csv_file import check_width, insert_texts, read_csv_rows
from p4books.transform.inputs import USER_TABLES
from p4books.transform.models import MODEL_NAME, SEEDS_SCHEMA
from p4books.transform.seeds import SEEDS

Row = tuple[int, list[str | None]]  # number of its line; empty cells are None

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
_FIGURE = r"\D{0,4}[0-9][-0-9.,/:'\s]*\D{0,3}"  # a number or date as people write it
_TEXTS = ("id", "code")  # columns of ours with these words at their end are texts


@dataclass
class UserTables:
    """What was found in the files: why a table was left out, and why a column is text, by table."""

    left_out: dict[str, BrokenSeed] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)

    def explain(self, error: BrokenSql, reads: Iterable[str]) -> BrokenSql:
        """Add the hints about tables that a failing query reads to its error."""
        hints = [hint for name in sorted(reads) for hint in self.hints.get(name, ())]
        return BrokenSql(error.file, error.line, "; ".join([error.why, *hints])) if hints else error


@dataclass(frozen=True)
class _Column:
    """A column of texts: its position and name, and how many values it has and fit each type.

    `figures` of them look like a number or a date, however it is written.
    """

    place: int
    name: str
    values: int
    figures: int
    fits: Mapping[str, int]

    @property
    def is_key(self) -> bool:
        """Whether it is an id or a code by its name."""
        return self.name.casefold().rpartition("_")[2] in _TEXTS

    @property
    def type(self) -> str | None:
        """Return its type; None if it has no value, and is null, which fits any expression."""
        if not self.values:
            return None
        if self.is_key:
            return "varchar"
        return next((kind for kind, fits in self.fits.items() if fits == self.values), "varchar")

    @property
    def usual_type(self) -> str | None:
        """Return the type that most values of a text column fit, if there is one."""
        kind = max(self.fits, key=lambda kind: self.fits[kind])
        is_usual = self.fits[kind] < self.values < 2 * self.fits[kind]
        return kind if is_usual and self.type == "varchar" and not self.is_key else None

    @property
    def is_surprising(self) -> bool:
        """Whether it is text although most of its values look like numbers or dates."""
        is_text = self.type == "varchar" and not self.is_key
        return is_text and (self.usual_type is not None or 2 * self.figures > self.values)


def load_user_tables(con: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> UserTables:
    """Create a view in `memory.seeds` for each CSV file that can be read.

    Our own seeds, which are in `raw` already, are there as well.
    """
    tables = UserTables()
    for file in files:
        name = f"{SEEDS_SCHEMA}.{file.stem}"
        view = f"{USER_TABLES}.{quote_identifier(file.stem)}"
        if file.stem in SEEDS:
            con.execute(f"create or replace view {view} as from raw.{file.stem}")
            continue
        try:
            tables.hints[name] = _load_table(con, file, view)
        except BrokenSeed as error:
            tables.left_out[name] = error
        except (duckdb.DataError, duckdb.ProgrammingError) as error:
            tables.left_out[name] = BrokenSeed(file, 1, str(error).splitlines()[0])
    return tables


def _load_table(con: duckdb.DuckDBPyConnection, file: Path, view: str) -> list[str]:
    """Create the view of a file; return why columns are text that nearly were something else."""
    if not MODEL_NAME.fullmatch(file.stem):
        why = "a table name has only lower-case letters, digits and underscores; rename the file"
        raise BrokenSeed(file, 1, why)
    names, rows = _read_table(file)
    texts = f"{USER_TABLES}.{quote_identifier(file.name)}"
    quoted = [quote_identifier(name) for name in names]
    con.execute(
        f"create or replace table {texts} ({', '.join(f'{name} varchar' for name in quoted)})"
    )
    insert_texts(con, texts, [cells for _, cells in rows])
    columns = _count_types(con, texts, names)
    typed = [
        f"cast({name} as {column.type}) as {name}" if column.type else f"null as {name}"
        for name, column in zip(quoted, columns, strict=True)
    ]
    con.execute(f"create or replace view {view} as select {', '.join(typed)} from {texts}")
    return [
        f"{column.name} is text because of {_find_odd_value(con, file, texts, column, rows)}"
        for column in columns
        if column.is_surprising
    ]


def _read_table(file: Path) -> tuple[list[str], list[Row]]:
    """Read the names of the columns, and the rows with the numbers of their lines."""
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
        rows.append((line, [cell or None for cell in cells[: len(columns)]]))
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


def _count_types(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> list[_Column]:
    """Count the values of each column of texts, and those that fit each type."""
    counts = [
        f"count({name}), count(*) filter (regexp_full_match({name}, {quote_literal(_FIGURE)})),"
        f" {', '.join(f'count(*) filter ({_fits(name, kind)})' for kind in _TYPES)}"
        for name in map(quote_identifier, names)
    ]
    found = iter(con.execute(f"select {', '.join(counts)} from {table}").fetchone() or ())
    return [
        _Column(place, name, next(found), next(found), {kind: next(found) for kind in _TYPES})
        for place, name in enumerate(names)
    ]


def _fits(name: str, kind: str) -> str:
    """Return the condition that a text is written as a value of a type, which is never null."""
    is_written = f"regexp_full_match({name}, {quote_literal(_TYPES[kind])})"
    return f"coalesce({is_written}, false) and try_cast({name} as {kind}) is not null"


def _find_odd_value(
    con: duckdb.DuckDBPyConnection, file: Path, table: str, column: _Column, rows: Sequence[Row]
) -> str:
    """Describe the first value of a text column that does not fit its usual type, if it has one."""
    name = quote_identifier(column.name)
    odd = f"{name} is not null"
    if column.usual_type:
        odd += f" and not ({_fits(name, column.usual_type)})"
    values = {
        value for (value,) in con.execute(f"select {name} from {table} where {odd}").fetchall()
    }
    line, cells = next(row for row in rows if row[1][column.place] in values)
    return f"{cells[column.place]!r} in {file.name}, line {line}"
