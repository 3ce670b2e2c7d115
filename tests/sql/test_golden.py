"""No published figure changes unnoticed.

Each published model of the fixed books is a file in golden/, written with P4BOOKS_GOLDEN=write.
"""

import csv
import io
import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from tests.sql.books import MODELS, Books
from tests.sql.fixed_books import AS_OF, rows

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = [model.full_name for model in MODELS if model.published]
WRITE = os.environ.get("P4BOOKS_GOLDEN") == "write"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """The fixed books, and the models that are made of them."""
    books = Books(tmp_path_factory.mktemp("golden"))
    with books.holding(rows(), AS_OF):
        yield books


# Of the calendar a leap February and the days around the as-of day: the rest is more of the same.
PART = {"core.dim_date": "where month_on in ('2024-02-01', '2026-06-01', '2026-11-01')"}


def told(books: Books, model: str) -> str:
    """Write a model as text: its columns and rows, sorted."""
    answer = books.con.execute(f"select * from {model} {PART.get(model, '')} order by all")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column[0] for column in answer.description or ())
    writer.writerows(answer.fetchall())
    return out.getvalue()


@pytest.mark.parametrize("model", PUBLISHED)
def test_golden(books: Books, model: str) -> None:
    """The model is what its file says, row by row."""
    file, found = GOLDEN / f"{model}.csv", told(books, model)
    if WRITE:
        file.write_text(found, encoding="utf-8")
    wanted = file.read_text(encoding="utf-8") if file.exists() else ""

    pairs = zip_longest(wanted.splitlines(), found.splitlines(), fillvalue="(no row)")
    differs = [f"- {old}\n+ {new}" for old, new in pairs if old != new]

    assert not differs, f"{model}, first of {len(differs)} rows:\n{differs[0]}"


def test_no_file_is_left_over() -> None:
    """Each golden file is of a model that there is."""
    assert {file.stem for file in GOLDEN.glob("*")} == set(PUBLISHED)


def test_the_fixed_books_are_whole(books: Books) -> None:
    """All checks hold of the fixed books, odd as they are."""
    books.check()
