"""Fixtures that sell in few words, and show figures as text."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def sold(give: Give) -> Give:
    """Give an invoice of a day and a net; its number does not matter, or is named."""
    numbers = iter(range(1, 1000))

    def sold(day: str | None, net: str | None, **told: Any) -> None:
        row = {"id": f"{next(numbers)}", "document_date": day, "subtotal": net, **told}
        give("invoices", **row)

    return sold


@pytest.fixture
def tell(ask: Ask) -> Ask:
    """Run a query, its amounts, days and instants written as they are read."""

    def tell(sql: str) -> list[tuple[Any, ...]]:
        return [
            tuple(str(each) if isinstance(each, Decimal | date) else each for each in row)
            for row in ask(sql)
        ]

    return tell
