"""Seeds: CSV files with what the API does not provide."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb

from p4books.errors import BrokenSeed
from p4books.spelling import clean_name, fold_name, is_same_name
from p4books.storage.database import quote_identifier
from p4books.transform.csv_file import check_width, insert_texts, read_csv_rows
from p4books.transform.models import SEEDS_SCHEMA, SqlSources

NEAR = 0.87  # ratio of equal letters in two names of which one is a mistake

SeedRow = tuple[int, Mapping[str, str]]  # line number, and values by column


@dataclass(frozen=True)
class SeedType:
    """Type of a seed's column: in DuckDB, in words, and a function that recognises valid texts.

    `normalize` turns a valid text into one that DuckDB can cast.
    """

    type: str
    description: str
    is_valid: Callable[[str], bool]
    normalize: Callable[[str], str] = str


@dataclass(frozen=True)
class Seed:
    """Columns of one file. Only one row per value of `valid_for` may be valid on a day.

    A file may lack the `optional` columns. No two rows may have the same values in the columns of
    one of `unique`, unless one of them is empty. `unique_across` are two columns: no value of the
    second is that of another row in the first. A column has each of its values of `once` at most
    once.
    """

    columns: Mapping[str, SeedType]
    required: tuple[str, ...]
    valid_for: str | None = None
    optional: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    unique_across: tuple[str, str] | None = None
    once: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _is_share(value: str) -> bool:
    return re.fullmatch(r"\d*\.?\d{1,6}0*", value) is not None and Decimal(value) <= 1


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_month(value: str) -> bool:
    return _is_date(_first_of_month(value)) and (len(value) == 7 or _is_date(value))


def _first_of_month(value: str) -> str:
    return f"{value[:7]}-01"


def _is_money(value: str) -> bool:
    return re.fullmatch(r"-?\d{1,16}(\.\d{1,2}0*)?", value) is not None


def _is_currency(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z]{3}", value) is not None


def _one_of(*words: str) -> SeedType:
    return SeedType("varchar", " or ".join(words), words.__contains__)


def _integer(low: int, high: int) -> SeedType:
    def is_valid(value: str) -> bool:
        return re.fullmatch(r"-?\d{1,9}", value) is not None and low <= int(value) <= high

    return SeedType("integer", f"a whole number from {low} to {high}", is_valid)


TEXT = SeedType("varchar", "a text", bool)
DATE = SeedType("date", "a date as in 2026-03-31", _is_date)
MONTH = SeedType("date", "a month as in 2026-03", _is_month, _first_of_month)
MONEY = SeedType(
    "decimal(18, 2)",
    "an amount with a point and at most two decimals, as in 1234.50",
    _is_money,
)
CURRENCY = SeedType("varchar", "a currency as in USD", _is_currency, str.upper)
SHARE = SeedType(
    "decimal(9, 6)",
    "a number from 0 to 1 with a point and at most six decimals, as in 0.07 for 7 %",
    _is_share,
    lambda value: f"{Decimal(value):.6f}",
)

_PERIOD = {"valid_from": DATE, "valid_to": DATE, "source": TEXT}
SEEDS = {
    "tax_rates": Seed(
        {"tax_code": TEXT, "rate": SHARE, "box": TEXT, **_PERIOD},
        ("tax_code", "rate"),
        "tax_code",
        optional=("box",),
    ),
    "itbms_boxes": Seed(
        {
            "box": TEXT,
            "tax_box": TEXT,
            "label_es": TEXT,
            "label_en": TEXT,
            "filled_with": _one_of("sales", "sales total", "returns", "debit", "withholding"),
            "rate": SHARE,
            "certainty": _one_of("H", "M", "L"),
            "source": TEXT,
        },
        ("box", "label_es", "label_en"),
        unique=(("box",), ("tax_box",), ("rate",)),
        unique_across=("box", "tax_box"),
        once={"filled_with": ("sales total", "returns", "debit", "withholding")},
    ),
    "filed_returns": Seed(
        {"form": _one_of("430"), "month": MONTH, "filed_on": DATE, "box": TEXT, "amount": MONEY},
        ("form", "month", "filed_on"),
        unique=(("month", "filed_on", "box"),),
    ),
    "withholding_certificates": Seed(
        {
            "customer_code": TEXT,
            "month": MONTH,
            "number": TEXT,
            "amount": MONEY,
            "currency": CURRENCY,
        },
        ("customer_code", "month", "number", "amount"),
        optional=("currency",),
        unique=(("customer_code", "number"),),
    ),
    "holidays": Seed(
        {
            "holiday": TEXT,
            "month": _integer(1, 12),
            "day": _integer(1, 31),
            "days_after_easter": _integer(-366, 366),
            "first_year": _integer(1, 9999),
            "last_year": _integer(1, 9999),
            "source": TEXT,
        },
        ("holiday",),
    ),
    "withholding_customers": Seed(
        {"customer_code": TEXT, "share": SHARE, **_PERIOD},
        ("customer_code", "share"),
        "customer_code",
    ),
}


def load_seeds(con: duckdb.DuckDBPyConnection, sources: SqlSources) -> None:
    """Replace the tables of the seeds in `raw`. Raises BrokenSeed, naming file and line.

    Files with other names are the user's own tables; one with nearly the name of a seed is taken
    for a mistake, since it would have no effect.
    """
    files = {file.stem: file for file in sources.files(SEEDS_SCHEMA, "csv")}
    for stem in sorted(files.keys() - SEEDS.keys()):
        for near in difflib.get_close_matches(_spell(stem), SEEDS, 1, NEAR):
            why = f"did you mean {near}? A table of your own needs a name less similar to that"
            raise BrokenSeed(files[stem], 1, why)
    for stem, seed in SEEDS.items():
        columns = ", ".join(
            f"{quote_identifier(column)} {seed_type.type}"
            for column, seed_type in seed.columns.items()
        )
        con.execute(f"create or replace table raw.{stem} ({columns})")
        if (file := files.get(stem)) and (rows := _load_rows(file, seed)):
            values = [
                [_normalize(row, column, seed) or None for column in seed.columns]
                for _, row in rows
            ]
            insert_texts(con, f"raw.{stem}", values)


def _spell(stem: str) -> str:
    return re.sub(r"[\s-]", "_", stem.lower())


def _load_rows(file: Path, seed: Seed) -> list[SeedRow]:
    rows = list(_parse_rows(file, seed))
    for line, row in rows:
        for why in _find_faults(row, seed):
            raise BrokenSeed(file, line, why)
    for columns in seed.unique:
        _check_unique(file, rows, columns, seed)
    _check_across(file, rows, seed)
    _check_once(file, rows, seed)
    return _end_periods(file, rows, seed.valid_for) if seed.valid_for else rows


def _parse_rows(file: Path, seed: Seed) -> Iterator[SeedRow]:
    rows = read_csv_rows(file)
    _, header = next(rows, (1, []))
    columns = [clean_name(cell).lower() for cell in header]
    for column in seed.columns:
        if column not in (*columns, *seed.optional):
            raise BrokenSeed(file, 1, f"the column {column} is missing")
    for line, cells in rows:
        check_width(file, line, columns, cells)
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        yield line, dict(zip(columns, padded, strict=False))


def _find_faults(row: Mapping[str, str], seed: Seed) -> Iterator[str]:
    for column, seed_type in seed.columns.items():
        value = row.get(column, "")
        if not value and column in seed.required:
            yield f"{column} is empty"
        if value and not seed_type.is_valid(value):
            yield f"{value!r} in {column} is not {seed_type.description}"
    if seed.valid_for and row["valid_to"] and row["valid_to"] < row["valid_from"]:
        yield "valid_to is before valid_from"
    if "holiday" in seed.columns and not (
        row["days_after_easter"] or (row["month"] and row["day"])
    ):
        yield "a holiday needs month and day, or days_after_easter"
    if "filed_on" in seed.columns and bool(row["box"]) != bool(row["amount"]):
        yield "box and amount are empty together, or neither is"


def _normalize(row: Mapping[str, str], column: str, seed: Seed) -> str:
    value = row.get(column, "")
    return value and seed.columns[column].normalize(value)


def _check_unique(file: Path, rows: Iterable[SeedRow], columns: Sequence[str], seed: Seed) -> None:
    lines: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        key = tuple(fold_name(_normalize(row, column, seed)) for column in columns)
        if all(key) and lines.setdefault(key, line) != line:
            same = ", ".join(f"{column} {row[column]}" for column in columns)
            raise BrokenSeed(file, line, f"{same} is in line {lines[key]} already")


def _check_across(file: Path, rows: Sequence[SeedRow], seed: Seed) -> None:
    if not seed.unique_across:
        return
    first, second = seed.unique_across
    lines = {fold_name(row[first]): line for line, row in rows}
    for line, row in rows:
        other = lines.get(fold_name(row[second]), line)
        if other != line:
            raise BrokenSeed(file, line, f"{second} {row[second]} is the {first} of line {other}")


def _check_once(file: Path, rows: Sequence[SeedRow], seed: Seed) -> None:
    for column, values in seed.once.items():
        lines: dict[str, int] = {}
        for line, row in rows:
            value = row[column]
            if value in values and lines.setdefault(value, line) != line:
                why = f"{column} {value} may be in one line only, and is in line {lines[value]}"
                raise BrokenSeed(file, line, why)


def _end_periods(file: Path, rows: Iterable[SeedRow], column: str) -> list[SeedRow]:
    """End a row without `valid_to` on the day before the next row of its value begins.

    ISO dates sort as text. Raises BrokenSeed if two rows are valid on the same day.
    """
    ended = sorted(rows, key=lambda row: (fold_name(row[1][column]), row[1]["valid_from"]))
    for index, ((line, row), (next_line, next_row)) in enumerate(pairwise(ended)):
        if not is_same_name(row[column], next_row[column]):
            continue
        start = next_row["valid_from"]
        if row["valid_from"] == start or row["valid_to"] >= start:
            why = f"{row[column]} has another row for the same days, in line {min(line, next_line)}"
            raise BrokenSeed(file, max(line, next_line), why)
        end = row["valid_to"] or (date.fromisoformat(start) - timedelta(days=1)).isoformat()
        ended[index] = line, {**row, "valid_to": end}
    return ended
