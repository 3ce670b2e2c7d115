"""What do people know that the API does not tell?"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.errors import BrokenSql
from p4books.transform.models import SqlSources
from p4books.transform.seeds import load_seeds

Rows = list[tuple[Any, ...]]
Plant = Callable[..., Path]

RATES = "tax_code,rate,valid_from,valid_to,source\n"
ITBMS = ("ITBMS", Decimal("0.070000"), date(2010, 7, 1), None, None)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Write seeds, as text or as bytes, and give the root they stand under."""

    def write(root: str = "sql", **seeds: str | bytes) -> Path:
        folder = tmp_path / root / "seeds"
        folder.mkdir(parents=True, exist_ok=True)
        for name, given in seeds.items():
            content = given if isinstance(given, bytes) else given.encode()
            (folder / f"{name}.csv").write_bytes(content)
        return folder.parent

    return write


def sown(sources: SqlSources, seed: str) -> Rows:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        load_seeds(con, sources)
        return con.execute(f"from raw.{seed}").fetchall()


def test_ours() -> None:
    """The seeds of this project are sound, each a table; who withholds is for the user to say."""
    rates = sown(SqlSources.at(), "tax_rates")

    assert ("ITBMS", Decimal("0.07"), date(2010, 7, 1), None) in [row[:4] for row in rates]
    assert sown(SqlSources.at(), "holidays")
    assert sown(SqlSources.at(), "withholding_customers") == []


def test_no_files(plant: Plant) -> None:
    """A seed without a file is a table without rows, its columns typed."""
    with duckdb.connect() as con:
        con.execute("create schema raw")
        load_seeds(con, SqlSources.at(plant()))

        types = con.execute("select column_type from (describe raw.tax_rates)").fetchall()
        rows = con.execute("from raw.tax_rates").fetchall()

    assert [kind for (kind,) in types] == ["VARCHAR", "DECIMAL(9,6)", "DATE", "DATE", "VARCHAR"]
    assert rows == []


TAKEN = {
    "plain": RATES + "ITBMS,0.07,2010-07-01,,\n",
    "no end of line": RATES + "ITBMS,0.07,2010-07-01,,",
    "windows": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace("\n", "\r\n"),
    "old macs": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace("\n", "\r"),
    "byte order mark": b"\xef\xbb\xbf" + RATES.encode() + b"ITBMS,0.07,2010-07-01,,\n",
    "semicolons": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace(",", ";"),
    "tabs": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace(",", "\t"),
    "quotes": '"tax_code","rate","valid_from","valid_to","source"\n"ITBMS","0.07","2010-07-01","",',
    "blank lines": RATES + "\nITBMS,0.07,2010-07-01,,\n,,,,\n  \n",
    "spaces": "Tax_Code , rate,valid_from,valid_to,source\n ITBMS ,0.07 , 2010-07-01,,\n",
    "another order": "source,valid_to,valid_from,rate,tax_code\n,,2010-07-01,.07,ITBMS\n",
    "a column more": RATES.strip() + ",note\nITBMS,0.0700000,2010-07-01,,,mine\n",
    "cells left off": RATES + "ITBMS,0.07,2010-07-01\n",
    "cells too many": RATES + "ITBMS,0.07,2010-07-01,,,,,\n",
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken(plant: Plant, case: str) -> None:
    """However a spreadsheet or an editor writes a row, it is the same row."""
    root = plant(tax_rates=TAKEN[case])

    assert sown(SqlSources.at(root), "tax_rates") == [ITBMS]


def test_words(plant: Plant) -> None:
    """A text keeps its accents, its quotes and its separators, and may go over two lines."""
    row = 'ITBMS,0.07,2010-07-01,,"Código, art. ""1057-V"";\nLey 8"\n'

    rows = sown(SqlSources.at(plant(tax_rates=RATES + row)), "tax_rates")

    assert rows[0][-1] == 'Código, art. "1057-V";\nLey 8'


FINE = "ITBMS,0.07,2010-07-01,,\n"
WRONG: dict[str, tuple[str | bytes, int, str]] = {
    "percent": (FINE + "B,7%,2010-07-01,,\n", 3, "'7%' in rate is not a number from 0 to 1"),
    "seven": (FINE + "B,7,2010-07-01,,\n", 3, "'7' in rate .* 0.07 for 7 %"),
    "less than nothing": ("B,-0.07,,,\n", 2, "'-0.07' in rate"),
    "a decimal comma": ('B,"0,07",2010-07-01,,\n', 2, "'0,07' in rate .* with a point"),
    "too exact": ("B,0.0712345,,,\n", 2, "at most six decimals"),
    "another calendar": ("B,0.07,01/07/2010,,\n", 2, "'01/07/2010' in valid_from is not a day as"),
    "no such day": ("B,0.07,,2010-02-30,\n", 2, "'2010-02-30' in valid_to is not a day"),
    "no rate": ("B,,2010-07-01,,\n", 2, "rate is empty"),
    "no code": (FINE + "\n\n,0.07,,,\n", 5, "tax_code is empty"),
    "the end before": ("B,0.07,2010-07-01,2010-06-30,\n", 2, "valid_to is before valid_from"),
    "a comma too many": ("B,0.07,,,artículo 1, 2\n", 2, "it has 6 values for 5 columns; .* quotes"),
    "an open quote": (FINE + 'B,0.07,,,"Ley\nC,0.07,,,\n', 4, "unexpected end"),
    "latin": ("B,0.07,,,Año\n".encode("latin-1"), 2, "it is not UTF-8"),
    "twice": (FINE + "itbms,0.05,2010-07-01,,\n", 3, "ITBMS has another row .*, in line 2"),
    "overlap": ("B,0,2012-01-01,,\n" + "B,0.07,,2012-01-01,\n", 3, "the same days, in line 2"),
    "for ever": ("B,0,,,\nB,0.07,,,\n", 3, "B has another row for the same days, in line 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(plant: Plant, case: str) -> None:
    """A value that can't be taken is named, with its file, its line and what it should be."""
    text, line, why = WRONG[case]
    content = RATES.encode() + (text if isinstance(text, bytes) else text.encode())
    root = plant(tax_rates=content)

    with pytest.raises(BrokenSql, match=rf"tax_rates\.csv, line {line}: .*{why}"):
        sown(SqlSources.at(root), "tax_rates")


@pytest.mark.parametrize(
    ("text", "missing"),
    [("", "tax_code"), ("tax_code,rates\nB,0.07\n", "rate"), ("\x00", "tax_code")],
    ids=["empty", "renamed", "no text"],
)
def test_a_missing_column(plant: Plant, text: str, missing: str) -> None:
    """A column that is not there, or has another name, is named."""
    with pytest.raises(BrokenSql, match=rf"tax_rates\.csv, line 1: there is no column {missing}"):
        sown(SqlSources.at(plant(tax_rates=text)), "tax_rates")


def test_a_rate_ends_where_the_next_begins(plant: Plant) -> None:
    """A new rate is one line more: the one before it ends the day before, in any order of lines."""
    rows = "B,0.07,2010-07-01,,\nB,0.08,2027-01-01,,\nB,0.05,,2009-12-31,\nC,0.10,,,\n"

    found = sown(SqlSources.at(plant(tax_rates=RATES + rows)), "tax_rates")

    assert sorted((row[0], str(row[1])[:4], row[3]) for row in found) == [
        ("B", "0.05", date(2009, 12, 31)),
        ("B", "0.07", date(2026, 12, 31)),
        ("B", "0.08", None),
        ("C", "0.10", None),
    ]


HOLIDAY = "holiday,month,day,days_after_easter,first_year,last_year,source\n"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("Fundación,8,15.5,,,,", "'15.5' in day is not a whole number from 1 to 31"),
        ("Fundación,13,1,,,,", "'13' in month"),
        ("Fundación,8,,,,,", "a holiday has month and day, or days_after_easter"),
        ("Carnaval,,,antes,,,", "'antes' in days_after_easter"),
    ],
)
def test_wrong_holidays(plant: Plant, row: str, why: str) -> None:
    """A holiday has a day that can be."""
    with pytest.raises(BrokenSql, match=rf"holidays\.csv, line 2: {why}"):
        sown(SqlSources.at(plant(holidays=HOLIDAY + row)), "holidays")


def test_holidays(plant: Plant) -> None:
    """A holiday has its day in the year, or its distance from Easter."""
    rows = HOLIDAY + "Fundación,8,15,,1519,,\nCarnaval,,,-47,,,\n"

    assert sown(SqlSources.at(plant(holidays=rows)), "holidays") == [
        ("Fundación", 8, 15, None, 1519, None, None),
        ("Carnaval", None, None, -47, None, None, None),
    ]


def test_the_users_own(plant: Plant) -> None:
    """The user's seed takes the place of ours, whole; ours that he has not stay."""
    ours = plant(
        "ours", tax_rates=RATES + "B,0.05,,,\nC,0.10,,,\n", holidays=HOLIDAY + "X,8,15,,,,"
    )
    own = plant("own", tax_rates=RATES + FINE)

    assert sown(SqlSources(ours, own), "tax_rates") == [ITBMS]
    assert [row[0] for row in sown(SqlSources(ours, own), "holidays")] == ["X"]


def test_a_name_that_is_no_seed(plant: Plant) -> None:
    """A file that nothing would read is named: a slip in its name would be found too late."""
    with pytest.raises(BrokenSql, match=r"tax_rate\.csv, line 1: .* Did you mean 'tax_rates'\?"):
        sown(SqlSources.at(plant(tax_rate=RATES)), "tax_rates")
