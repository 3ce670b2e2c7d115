"""Seeds: CSV files with what the API does not provide."""

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
WriteSeeds = Callable[..., Path]

RATES = "tax_code,rate,valid_from,valid_to,source\n"
ITBMS = ("ITBMS", Decimal("0.070000"), None, date(2010, 7, 1), None, None)


@pytest.fixture
def write_seeds(tmp_path: Path) -> WriteSeeds:
    """Write seeds, as text or as bytes, and return the root of their folder."""

    def write(root: str = "sql", **seeds: str | bytes) -> Path:
        folder = tmp_path / root / "seeds"
        folder.mkdir(parents=True, exist_ok=True)
        for name, given in seeds.items():
            content = given if isinstance(given, bytes) else given.encode()
            (folder / f"{name}.csv").write_bytes(content)
        return folder.parent

    return write


def load_rows(sources: SqlSources, seed: str) -> Rows:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        load_seeds(con, sources)
        return con.execute(f"from raw.{seed}").fetchall()


def test_builtin_seeds() -> None:
    """The seeds of this project are valid; customers that withhold are for the user to name."""
    rates = load_rows(SqlSources.at(), "tax_rates")

    assert ("ITBMS", Decimal("0.07"), "11", date(2010, 7, 1), None) in [row[:5] for row in rates]
    assert load_rows(SqlSources.at(), "holidays")
    assert len(load_rows(SqlSources.at(), "itbms_boxes")) == 15
    for seed in ("withholding_customers", "withholding_certificates", "filed_returns"):
        assert load_rows(SqlSources.at(), seed) == []


def test_no_files(write_seeds: WriteSeeds) -> None:
    """A seed without a file is a table without rows, with typed columns."""
    with duckdb.connect() as con:
        con.execute("create schema raw")
        load_seeds(con, SqlSources.at(write_seeds()))

        types = con.execute("select column_type from (describe raw.tax_rates)").fetchall()
        rows = con.execute("from raw.tax_rates").fetchall()

    assert [kind for (kind,) in types] == [
        *("VARCHAR", "DECIMAL(9,6)", "VARCHAR", "DATE", "DATE", "VARCHAR")
    ]
    assert rows == []


ACCEPTED = {
    "plain": RATES + "ITBMS,0.07,2010-07-01,,\n",
    "no final newline": RATES + "ITBMS,0.07,2010-07-01,,",
    "windows": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace("\n", "\r\n"),
    "old Mac": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace("\n", "\r"),
    "byte order mark": b"\xef\xbb\xbf" + RATES.encode() + b"ITBMS,0.07,2010-07-01,,\n",
    "semicolons": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace(",", ";"),
    "tabs": (RATES + "ITBMS,0.07,2010-07-01,,\n").replace(",", "\t"),
    "quotes": '"tax_code","rate","valid_from","valid_to","source"\n"ITBMS","0.07","2010-07-01","",',
    "blank lines": RATES + "\nITBMS,0.07,2010-07-01,,\n,,,,\n  \n",
    "spaces": "Tax_Code , rate,valid_from,valid_to,source\n ITBMS ,0.07 , 2010-07-01,,\n",
    "other order of columns": "source,valid_to,valid_from,rate,tax_code\n,,2010-07-01,.07,ITBMS\n",
    "extra column": RATES.strip() + ",note\nITBMS,0.0700000,2010-07-01,,,mine\n",
    "missing cells": RATES + "ITBMS,0.07,2010-07-01\n",
    "extra empty cells": RATES + "ITBMS,0.07,2010-07-01,,,,,\n",
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_files(write_seeds: WriteSeeds, case: str) -> None:
    """A row is the same in every form in which a spreadsheet or an editor saves it."""
    root = write_seeds(tax_rates=ACCEPTED[case])

    assert load_rows(SqlSources.at(root), "tax_rates") == [ITBMS]


def test_texts(write_seeds: WriteSeeds) -> None:
    """A text keeps its accents, quotes, separators and line breaks."""
    row = 'ITBMS,0.07,2010-07-01,,"Código, art. ""1057-V"";\nLey 8"\n'

    rows = load_rows(SqlSources.at(write_seeds(tax_rates=RATES + row)), "tax_rates")

    assert rows[0][-1] == 'Código, art. "1057-V";\nLey 8'


VALID = "ITBMS,0.07,2010-07-01,,\n"
INVALID: dict[str, tuple[str | bytes, int, str]] = {
    "percent": (VALID + "B,7%,2010-07-01,,\n", 3, "'7%' in rate is not a number from 0 to 1"),
    "seven": (VALID + "B,7,2010-07-01,,\n", 3, "'7' in rate .* 0.07 for 7 %"),
    "negative": ("B,-0.07,,,\n", 2, "'-0.07' in rate"),
    "decimal comma": ('B,"0,07",2010-07-01,,\n', 2, "'0,07' in rate .* with a point"),
    "too many decimals": ("B,0.0712345,,,\n", 2, "at most six decimals"),
    "other date format": (
        "B,0.07,01/07/2010,,\n",
        2,
        "'01/07/2010' in valid_from is not a date as",
    ),
    "nonexistent date": ("B,0.07,,2010-02-30,\n", 2, "'2010-02-30' in valid_to is not a date"),
    "no rate": ("B,,2010-07-01,,\n", 2, "rate is empty"),
    "no code": (VALID + "\n\n,0.07,,,\n", 5, "tax_code is empty"),
    "end before start": ("B,0.07,2010-07-01,2010-06-30,\n", 2, "valid_to is before valid_from"),
    "unquoted comma": (
        "B,0.07,,,artículo 1, 2\n",
        2,
        "it has 6 values for 5 columns; quote values that",
    ),
    "open quote": (VALID + 'B,0.07,,,"Ley\nC,0.07,,,\n', 4, "unexpected end"),
    "Latin-1": ("B,0.07,,,Año\n".encode("latin-1"), 2, "it is not UTF-8"),
    "twice": (VALID + "itbms,0.05,2010-07-01,,\n", 3, "ITBMS has another row .*, in line 2"),
    "overlap": ("B,0,2012-01-01,,\n" + "B,0.07,,2012-01-01,\n", 3, "the same days, in line 2"),
    "without dates": ("B,0,,,\nB,0.07,,,\n", 3, "B has another row for the same days, in line 2"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_rows(write_seeds: WriteSeeds, case: str) -> None:
    """An invalid value is reported with its file, its line and what is expected."""
    text, line, why = INVALID[case]
    content = RATES.encode() + (text if isinstance(text, bytes) else text.encode())
    root = write_seeds(tax_rates=content)

    with pytest.raises(BrokenSql, match=rf"tax_rates\.csv, line {line}: .*{why}"):
        load_rows(SqlSources.at(root), "tax_rates")


@pytest.mark.parametrize(
    ("text", "missing"),
    [("", "tax_code"), ("tax_code,rates\nB,0.07\n", "rate"), ("\x00", "tax_code")],
    ids=["empty", "renamed", "not text"],
)
def test_missing_column(write_seeds: WriteSeeds, text: str, missing: str) -> None:
    """A missing or renamed column is reported."""
    with pytest.raises(
        BrokenSql, match=rf"tax_rates\.csv, line 1: the column {missing} is missing"
    ):
        load_rows(SqlSources.at(write_seeds(tax_rates=text)), "tax_rates")


def test_rate_ends_when_the_next_begins(write_seeds: WriteSeeds) -> None:
    """A new rate is one more line: the one before it ends the day before, in any order."""
    rows = "B,0.07,2010-07-01,,\nB,0.08,2027-01-01,,\nB,0.05,,2009-12-31,\nC,0.10,,,\n"

    found = load_rows(SqlSources.at(write_seeds(tax_rates=RATES + rows)), "tax_rates")

    assert sorted((row[0], str(row[1])[:4], row[4]) for row in found) == [
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
        ("Fundación,8,,,,,", "a holiday needs month and day, or days_after_easter"),
        ("Carnaval,,,antes,,,", "'antes' in days_after_easter"),
    ],
)
def test_invalid_holidays(write_seeds: WriteSeeds, row: str, why: str) -> None:
    """A holiday needs a possible date."""
    with pytest.raises(BrokenSql, match=rf"holidays\.csv, line 2: {why}"):
        load_rows(SqlSources.at(write_seeds(holidays=HOLIDAY + row)), "holidays")


def test_holidays(write_seeds: WriteSeeds) -> None:
    """A holiday has a fixed date, or a distance from Easter."""
    rows = HOLIDAY + "Fundación,8,15,,1519,,\nCarnaval,,,-47,,,\n"

    assert load_rows(SqlSources.at(write_seeds(holidays=rows)), "holidays") == [
        ("Fundación", 8, 15, None, 1519, None, None),
        ("Carnaval", None, None, -47, None, None, None),
    ]


def test_box_of_a_rate(write_seeds: WriteSeeds) -> None:
    """The column for the box may be missing, as in files that are older than it, or be empty."""
    rows = "tax_code,box,rate\nB, 16 ,0\nC,,0.07\n"
    text = rows.replace("\n", ",,,\n").replace("rate,,,", "rate,valid_from,valid_to,source")

    found = load_rows(SqlSources.at(write_seeds(tax_rates=text)), "tax_rates")

    assert [row[:3] for row in found] == [("B", Decimal(0), "16"), ("C", Decimal("0.07"), None)]


FILED = "form,month,filed_on,box,amount\n"
CERTIFICATES = "customer_code,month,number,amount\n"


def test_months_and_amounts(write_seeds: WriteSeeds) -> None:
    """A month may be written as its first or any other day, as spreadsheets do; an amount may be
    negative; a currency is optional."""
    root = write_seeds(
        filed_returns=f"{FILED}430,2026-01,2026-02-15,,\n430,2026-01-31,2026-02-14,201,-7.50\n",
        withholding_certificates=f"{CERTIFICATES}C,2026-02-01,R-1,7\n",
    )

    assert load_rows(SqlSources.at(root), "filed_returns") == [
        ("430", date(2026, 1, 1), date(2026, 2, 15), None, None),
        ("430", date(2026, 1, 1), date(2026, 2, 14), "201", Decimal("-7.50")),
    ]
    assert load_rows(SqlSources.at(root), "withholding_certificates") == [
        ("C", date(2026, 2, 1), "R-1", Decimal(7), None)
    ]


BOXES = "box,tax_box,label_es,label_en,filled_with,rate,certainty,source\n"
INVALID_RETURNS = {
    "another form": (FILED + "43,2026-01,2026-02-15,,", "'43' in form is not 430"),
    "no month": (FILED + "430,2026,2026-02-15,,", "'2026' in month is not a month as in 2026-03"),
    "month 13": (FILED + "430,2026-13,2026-02-15,,", "'2026-13' in month"),
    "day 32": (FILED + "430,2026-01-32,2026-02-15,,", "'2026-01-32' in month"),
    "not filed": (FILED + "430,2026-01,,,", "filed_on is empty"),
    "separator": (FILED + '430,2026-01,2026-02-15,11,"1,000.00"', "'1,000.00' in amount is not an"),
    "cents": (FILED + "430,2026-01,2026-02-15,11,1.005", "'1.005' in amount"),
    "box alone": (FILED + "430,2026-01,2026-02-15,11,", "box and amount are empty together"),
    "amount alone": (FILED + "430,2026-01,2026-02-15,,7", "box and amount are empty together"),
    "certainty": (BOXES + "11,,a,b,,,X,", "'X' in certainty is not H or M or L"),
    "content": (BOXES + "11,,a,b,sale,,H,", "'sale' in filled_with is not sales or"),
    "currency": (
        f"{CERTIFICATES.strip()},currency\nC,2026-01,1,7,dollars",
        "'dollars' in currency is not a currency as in USD",
    ),
}


@pytest.mark.parametrize("case", INVALID_RETURNS)
def test_invalid_returns(write_seeds: WriteSeeds, case: str) -> None:
    """What was filed, certified or is known of a box must be written in one way."""
    text, why = INVALID_RETURNS[case]
    name = {FILED: "filed_returns", BOXES: "itbms_boxes"}.get(f"{text.splitlines()[0]}\n")
    seed = name or "withholding_certificates"

    with pytest.raises(BrokenSql, match=rf"{seed}\.csv, line 2: .*{why}"):
        load_rows(SqlSources.at(write_seeds(**{seed: text})), seed)


@pytest.mark.parametrize(
    ("seed", "text", "why"),
    [
        (
            "filed_returns",
            FILED + "430,2026-01,2026-02-15,11,5\n430,2026-01-01,2026-02-15,11,6",
            "month 2026-01-01, filed_on 2026-02-15, box 11 is in line 2 already",
        ),
        (
            "withholding_certificates",
            CERTIFICATES + "C,2026-01,r-1,5\nc,2026-02,R-1,5",
            "customer_code c, number R-1 is in line 2 already",
        ),
        ("itbms_boxes", BOXES + "11,,a,b,,,,\n11,,c,d,,,,", "box 11 is in line 2 already"),
        (
            "itbms_boxes",
            BOXES + "11,,a,b,,0.07,,\n12,,c,d,,.070,,",
            "rate .070 is in line 2 already",
        ),
        (
            "itbms_boxes",
            BOXES + "11,,a,b,sales,,,\n51,11,c,d,,,,",
            "tax_box 11 is the box of line 2",
        ),
        *(
            (
                "itbms_boxes",
                BOXES + f"20,,a,b,{kind},,,\n21,,c,d,{kind},,,",
                f"filled_with {kind} may be in one line only, and is in line 2",
            )
            for kind in ("sales total", "returns", "debit", "withholding")
        ),
    ],
)
def test_twice(write_seeds: WriteSeeds, seed: str, text: str, why: str) -> None:
    """What must be there only once is reported with both lines."""
    with pytest.raises(BrokenSql, match=rf"{seed}\.csv, line 3: {why}"):
        load_rows(SqlSources.at(write_seeds(**{seed: text})), seed)


def test_users_seed_replaces_builtin_one(write_seeds: WriteSeeds) -> None:
    """A user's seed replaces the whole built-in file; the other built-in seeds stay."""
    builtin = write_seeds(
        "builtin", tax_rates=RATES + "B,0.05,,,\nC,0.10,,,\n", holidays=HOLIDAY + "X,8,15,,,,"
    )
    user = write_seeds("user", tax_rates=RATES + VALID)

    assert load_rows(SqlSources(builtin, user), "tax_rates") == [ITBMS]
    assert [row[0] for row in load_rows(SqlSources(builtin, user), "holidays")] == ["X"]


@pytest.mark.parametrize("name", ["tax_rate", "Tax-Rates", "taxrates", "holliday"])
def test_misspelled_seed(write_seeds: WriteSeeds, name: str) -> None:
    """A file with nearly the name of a seed is reported, because it would have no effect."""
    with pytest.raises(BrokenSql, match=rf"{name}\.csv, line 1: did you mean (tax_rat|holida)"):
        load_rows(SqlSources.at(write_seeds(**{name: RATES})), "tax_rates")


def test_other_files(write_seeds: WriteSeeds) -> None:
    """A file with another name is a table of the user, and is no seed."""
    assert load_rows(SqlSources.at(write_seeds(targets="\xff", my_rates="")), "tax_rates") == []
