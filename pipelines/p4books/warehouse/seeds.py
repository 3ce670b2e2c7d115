"""What do people know that the API does not tell?

Small CSV files in sql/seeds, edited by the user: rates of tax, holidays, who withholds. Each
becomes a table of the same name in the schema `raw`.
"""

import re
from pathlib import Path

import duckdb

from p4books.database import name, text
from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.models import Sources

COLUMNS = {
    "tax_rates": {
        "tax_code": "varchar",
        "rate": "decimal(9, 6)",
        "valid_from": "date",
        "valid_to": "date",
        "source": "varchar",
    },
    "holidays": {
        "holiday": "varchar",
        "month": "integer",
        "day": "integer",
        "days_after_easter": "integer",
        "first_year": "integer",
        "last_year": "integer",
        "source": "varchar",
    },
    "withholding_customers": {
        "customer_code": "varchar",
        "share": "decimal(9, 6)",
        "valid_from": "date",
        "valid_to": "date",
        "source": "varchar",
    },
}


def sow(con: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    """Make the tables of the seeds anew. Raises BrokenSql, naming file and line."""
    files = {file.stem: file for file in sources.files("seeds", "csv")}
    for seed, columns in COLUMNS.items():
        typed = ", ".join(f"{name(column)} {kind}" for column, kind in columns.items())
        con.execute(f"create or replace table raw.{seed} ({typed})")
        if file := files.get(seed):
            con.execute(f"insert into raw.{seed} {_select(con, file, columns)}")


def _select(con: duckdb.DuckDBPyConnection, file: Path, columns: dict[str, str]) -> str:
    """Return the query that reads a seed, after a look at each of its values."""
    rows = f"""(
        select *, row_number() over () + 1 as line
        from read_csv({text(str(file))}, header = true, all_varchar = true, null_padding = true,
            delim = {text(_delimiter(file))}, quote = '"', escape = '"')
    )"""
    values = [f"nullif(trim({name(column)}), '')" for column in columns]
    kinds = columns.values()
    try:
        for column, value, kind in zip(columns, values, kinds, strict=True):
            odd = con.execute(
                f"select line, {value} from {rows} where {value} is not null"
                f" and try_cast({value} as {kind}) is null order by line limit 1"
            ).fetchone()
            if odd:
                raise BrokenSql(file, odd[0], f"{odd[1]!r} in {column} is no {kind}")
    except duckdb.Error as error:
        raise BrokenSql(file, *_said(error)) from None
    typed = ", ".join(f"{v}::{kind}" for v, kind in zip(values, kinds, strict=True))
    return f"select {typed} from {rows}"


def _said(error: duckdb.Error) -> tuple[int, str]:
    line = re.search(r"on Line: (\d+)", str(error))
    return int(line.group(1)) if line else 1, str(error).splitlines()[0]


def _delimiter(file: Path) -> str:
    """Tell commas from semicolons, which spreadsheets of some countries write."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        return ";" if ";" in lines.readline() else ","
