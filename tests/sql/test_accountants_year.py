"""Every report of a distributor's year, compared with figures that were worked out by hand.

The figures are in accountants_year.csv, with how each was worked out.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sql.accountants_year import AS_OF, YEAR
from tests.sql.books import MODELS, Books

with (Path(__file__).parent / "accountants_year.csv").open(encoding="utf-8", newline="") as _lines:
    FIGURES = list(csv.DictReader(_lines))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """The year and the reports on it."""
    books = Books(tmp_path_factory.mktemp("year"))
    with books.loaded(YEAR, AS_OF):
        yield books


def test_figures(books: Books) -> None:
    """Every figure is the one that was worked out by hand, and no check fails."""
    wrong = []
    for line in FIGURES:
        report, rows, figure = (line[name] for name in ("report", "rows", "figure"))
        found = books.query(f"select {figure} from reporting.{report} where {rows}")
        if [tuple(map(str, row)) for row in found] != [(line["value"],)]:
            wrong.append(f"{report} where {rows}: {figure} is {found}, not {line['value']}")

    assert wrong == []
    books.check()


def test_each_report_is_worked_out() -> None:
    """Each report has a figure, also one that is added later; each figure says how it was found."""
    reports = {model.name for model in MODELS if model.section}

    assert sorted(reports - {line["report"] for line in FIGURES}) == []
    assert [line for line in FIGURES if not line["worked out by hand"]] == []
