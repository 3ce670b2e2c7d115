"""Fixtures that add invoices and return figures as text."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Insert an invoice with a day and a net amount; the id is a running number by default."""
    numbers = iter(range(1, 1000))

    def add_invoice(day: str | None, net: str | None, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "document_date": day, "subtotal": net, **fields}
        insert("invoices", **row)

    return add_invoice


@pytest.fixture
def query_text(query: Query) -> Query:
    """Run a query and return amounts, days and timestamps as text."""

    def query_text(sql: str) -> list[tuple[Any, ...]]:
        return [
            tuple(str(each) if isinstance(each, Decimal | date) else each for each in row)
            for row in query(sql)
        ]

    return query_text
