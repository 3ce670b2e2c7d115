"""The date that decides in which month the ITBMS of an invoice is."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

MODELS = ("itbms_by_month", "itbms_sales_book", "itbms_withholding_candidates")


@pytest.fixture
def dated(insert: Action, add_invoice: Action) -> None:
    """Insert an invoice of January that was posted in February, and one that was never posted."""
    insert("customers", id="7", code="C7")
    lines = [{"tax_code": "ITBMS7", "subtotal": "100.00"}]
    fields = {"customer_id": "7", "tax_total": "7.00", "lines": lines}
    add_invoice("2026-01-31", "100.00", posting_date="2026-02-02", **fields)
    add_invoice("2026-01-30", "100.00", posting_date=None, **fields)


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("tax_date", "expected"),
    [
        ("document", [("2026-01-01", "14.00")]),
        ("posting", [("2026-01-01", "7.00"), ("2026-02-01", "7.00")]),
    ],
)
def test_month(
    set_as_of: Action, query_text: Query, model: str, tax_date: str, expected: list[Any]
) -> None:
    """All models of ITBMS follow the setting; an invoice without a posting date counts by its
    document date."""
    set_as_of("2026-06-30", tax_date=tax_date)

    assert (
        query_text(
            f"select month_on, sum(tax) from reporting.{model} group by month_on order by month_on"
        )
        == expected
    )


@pytest.mark.usefixtures("dated")
def test_sales_are_of_the_document_date(set_as_of: Action, query_text: Query) -> None:
    """Other reports do not follow it."""
    set_as_of("2026-06-30", tax_date="posting")

    assert query_text("select month_on, tax from reporting.sales_by_month") == [
        ("2026-01-01", "14.00")
    ]


@pytest.mark.usefixtures("dated")
@pytest.mark.parametrize(("tax_date", "day"), [("document", "01-31"), ("posting", "02-02")])
def test_finding(set_as_of: Action, query_text: Query, tax_date: str, day: str) -> None:
    """The finding of an invoice with dates in two months says in which month its ITBMS is."""
    set_as_of("2026-06-30", tax_date=tax_date)

    detail = f"its ITBMS is in the month of 2026-{day}"
    assert query_text(
        "select entity_id, split_part(detail, ': ', 2) from reporting.data_quality"
        " where rule = 'posted in another month'"
    ) == [("1", detail)]
