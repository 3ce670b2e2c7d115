"""Golden files of the published models.

Each published model of the fixed books has a file in golden/, written with P4BOOKS_GOLDEN=write, so
that no published figure changes unnoticed.
"""

import csv
import io
import os
from itertools import zip_longest
from pathlib import Path

import pytest
from tests.sql.books import MODELS, Books

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = [model.full_name for model in MODELS if model.published]
WRITE = os.environ.get("P4BOOKS_GOLDEN") == "write"


# Of the calendar, a leap February and the days around the as-of day are enough; of a cohort, the
# first months and those in which somebody bought; of the return, one month without documents.
FILTERS = {
    "core.dim_date": "where month_on in ('2024-02-01', '2026-06-01', '2026-11-01')",
    "reporting.itbms_return": "where month_on < '2009-02-01' or month_on >= '2026-03-01'"
    " or month_on in ('2024-02-01', '2025-06-01')",
    "reporting.cohort_retention": "where months_since < 2 or customers > 0 or net <> 0",
}


def format_csv(books: Books, model: str) -> str:
    """Return a model as CSV: its columns and its sorted rows."""
    result = books.con.execute(f"select * from {model} {FILTERS.get(model, '')} order by all")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column[0] for column in result.description or ())
    writer.writerows(result.fetchall())
    return out.getvalue()


@pytest.mark.parametrize("model", PUBLISHED)
def test_golden(fixed_books: Books, model: str) -> None:
    """The model equals its golden file, row by row."""
    file, actual = GOLDEN / f"{model}.csv", format_csv(fixed_books, model)
    if WRITE:
        file.write_text(actual, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.exists() else ""

    pairs = zip_longest(expected.splitlines(), actual.splitlines(), fillvalue="(no row)")
    differences = [f"- {old}\n+ {new}" for old, new in pairs if old != new]

    assert not differences, f"{model}, first of {len(differences)} rows:\n{differences[0]}"


def test_no_obsolete_files() -> None:
    """Each golden file belongs to a published model."""
    assert {file.stem for file in GOLDEN.glob("*")} == set(PUBLISHED)


def test_checks_of_fixed_books(fixed_books: Books) -> None:
    """The fixed books pass all checks, despite their odd rows."""
    fixed_books.check()
