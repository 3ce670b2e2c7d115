"""Seeds: CSV files with what the API does not provide."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path

import duckdb

from p4books.errors import BrokenSeed, describe_unknown
from p4books.storage.database import quote_identifier
from p4books.transform.models import SqlSources


@dataclass(frozen=True)
class SeedType:
    """A kind of value: its type in DuckDB, how it is said, and which texts are one."""

    type: str
    said: str
    fits: Callable[[str], bool]


def _whole(low: int, high: int) -> SeedType:
    def fits(value: str) -> bool:
        return re.fullmatch(r"-?\d{1,9}", value) is not None and low <= int(value) <= high

    return SeedType("integer", f"a whole number from {low} to {high}", fits)


def _is_share(value: str) -> bool:
    return re.fullmatch(r"\d*\.?\d{1,6}0*", value) is not None and Decimal(value) <= 1


def _is_day(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


WORD = SeedType("varchar", "a text", bool)
DAY = SeedType("date", "a day as in 2026-03-31", _is_day)
SHARE = SeedType(
    "decimal(9, 6)",
    "a number from 0 to 1 with a point and at most six decimals, as in 0.07 for 7 %",
    _is_share,
)
MONTH = _whole(1, 12)
DAY_OF_MONTH = _whole(1, 31)
DAYS = _whole(-366, 366)
YEAR = _whole(1, 9999)

SeedRow = tuple[int, Mapping[str, str]]  # its line, and its values by column


@dataclass(frozen=True)
class Seed:
    """One file: its columns; those that every row fills; for what just one row holds on a day."""

    columns: Mapping[str, SeedType]
    filled: tuple[str, ...]
    valid_for: str | None = None


SPAN = {"valid_from": DAY, "valid_to": DAY, "source": WORD}
SEEDS = {
    "tax_rates": Seed({"tax_code": WORD, "rate": SHARE, **SPAN}, ("tax_code", "rate"), "tax_code"),
    "holidays": Seed(
        {
            "holiday": WORD,
            "month": MONTH,
            "day": DAY_OF_MONTH,
            "days_after_easter": DAYS,
            "first_year": YEAR,
            "last_year": YEAR,
            "source": WORD,
        },
        ("holiday",),
    ),
    "withholding_customers": Seed(
        {"customer_code": WORD, "share": SHARE, **SPAN}, ("customer_code", "share"), "customer_code"
    ),
}


def load_seeds(con: duckdb.DuckDBPyConnection, sources: SqlSources) -> None:
    """Make the tables of the seeds anew. Raises BrokenSeed, naming file and line."""
    files = {file.stem: file for file in sources.files("seeds", "csv")}
    for stem in files.keys() - SEEDS.keys():
        raise BrokenSeed(files[stem], 1, describe_unknown("seed", stem, SEEDS))
    for stem, seed in SEEDS.items():
        typed = ", ".join(
            f"{quote_identifier(column)} {kind.type}" for column, kind in seed.columns.items()
        )
        con.execute(f"create or replace table raw.{stem} ({typed})")
        if (file := files.get(stem)) and (rows := _check_rows(file, seed)):
            values = [[row.get(column) or None for _, row in rows] for column in seed.columns]
            lists = ", ".join("unnest(?::varchar[])" for _ in values)
            con.execute(f"insert into raw.{stem} select {lists}", values)


def _check_rows(file: Path, seed: Seed) -> list[SeedRow]:
    rows = list(_read_rows(file, seed))
    for line, row in rows:
        for why in _find_faults(row, seed):
            raise BrokenSeed(file, line, why)
    if seed.valid_for:
        return _add_ends(file, rows, seed.valid_for)
    return rows


def _find_faults(row: Mapping[str, str], seed: Seed) -> Iterator[str]:
    for column, kind in seed.columns.items():
        value = row[column]
        if not value and column in seed.filled:
            yield f"{column} is empty"
        if value and not kind.fits(value):
            yield f"{value!r} in {column} is not {kind.said}"
    if seed.valid_for and row["valid_to"] and row["valid_to"] < row["valid_from"]:
        yield "valid_to is before valid_from"
    if "month" in row and not (row["days_after_easter"] or (row["month"] and row["day"])):
        yield "a holiday has month and day, or days_after_easter"


def _add_ends(file: Path, rows: Iterable[SeedRow], column: str) -> list[SeedRow]:
    """End a row on the day before the next one of the same begins, where nobody wrote so.

    Days as ISO text sort as days. Raises BrokenSeed where two rows hold on one day all the same.
    """
    found = sorted(rows, key=lambda each: (each[1][column].upper(), each[1]["valid_from"]))
    for place, ((first, one), (line, other)) in enumerate(pairwise(found)):
        if one[column].upper() != other[column].upper():
            continue
        start = other["valid_from"]
        if one["valid_from"] == start or one["valid_to"] >= start:
            why = f"{one[column]} has another row for the same days, in line {min(first, line)}"
            raise BrokenSeed(file, max(first, line), why)
        end = one["valid_to"] or (date.fromisoformat(start) - timedelta(days=1)).isoformat()
        found[place] = first, {**one, "valid_to": end}
    return found


def _read_rows(file: Path, seed: Seed) -> Iterator[SeedRow]:
    text = _read_text(file)
    header = text.split("\n", 1)[0]
    reader = csv.reader(StringIO(text), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        for column in seed.columns:
            if column not in columns:
                raise BrokenSeed(file, 1, f"there is no column {column}")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _read_row(file, reader.line_num, columns, cells)
    except csv.Error as error:
        raise BrokenSeed(file, reader.line_num, str(error)) from None


def _read_row(
    file: Path, line: int, columns: Sequence[str], cells: Sequence[str]
) -> dict[str, str]:
    values = [cell.strip() for cell in cells]
    if any(values[len(columns) :]):
        why = f"it has {len(values)} values for {len(columns)} columns"
        raise BrokenSeed(file, line, f"{why}; a text with the separator in it stands in quotes")
    values += [""] * (len(columns) - len(values))
    return dict(zip(columns, values, strict=False))


def _read_text(file: Path) -> str:
    try:
        given = file.read_bytes()
        return given.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = given.count(b"\n", 0, error.start) + 1
        raise BrokenSeed(file, line, "it is not UTF-8: save it as `CSV UTF-8`") from None
    except OSError as error:
        raise BrokenSeed(file, 1, error.strerror or str(error)) from None
