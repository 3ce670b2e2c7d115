"""Lines of invoices and orders, as P4 Books returns them."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

pytestmark = pytest.mark.parametrize("document", ["invoice", "sales_order", "purchase_order"])


def lines(*items: Any) -> str:
    return json.dumps(items)


def numbered(query: Query, document: str) -> list[tuple[Any, ...]]:
    return query(
        f"select {document}_id, line_number, line_description"
        f" from staging.{document}_lines order by all"
    )


def test_line(insert: Action, query: Query, document: str) -> None:
    """Each line is one row with its document's key, its product and its exact amounts."""
    item = {
        "line_number": 1,
        "product_id": 33,
        "description": 'Doña "Rosa" 😀',
        "tax_code": "ITBMS",
        "quantity": 33.5,
        "price": "3.800001",
        "discount": 6.27,
        "subtotal": "1234567890123456.78",
    }
    insert(f"{document}s", id="7", lines=lines(item, {}))

    assert query(
        f"select {document}_id, line_number, product_id, line_description, tax_code,"
        f" quantity, unit_price, discount, line_net from staging.{document}_lines order by all"
    ) == [
        (
            *("7", 1, "33", 'Doña "Rosa" 😀', "ITBMS"),
            *(Decimal("33.500000"), Decimal("3.800001"), Decimal("6.270000")),
            Decimal("1234567890123456.78"),
        ),
        ("7", 2, None, None, None, None, None, None, None),
    ]


def test_own_numbers(insert: Action, query: Query, document: str) -> None:
    """Line numbers are kept if every line has a different one."""
    insert(
        f"{document}s",
        id="7",
        lines=lines(
            {"line_number": 20, "description": "b"}, {"line_number": "10", "description": "a"}
        ),
    )

    assert numbered(query, document) == [("7", 10, "a"), ("7", 20, "b")]


@pytest.mark.parametrize(
    "numbers",
    [(1, 1), (1, None), (None, None), ("x", "y"), (1, {}), (1, 1.5), (1, "0x10")],
)
def test_numbers_by_position(
    insert: Action, query: Query, document: str, numbers: tuple[Any, Any]
) -> None:
    """If a number is missing, duplicate or invalid, the lines are numbered by position."""
    first, second = numbers
    insert(
        f"{document}s",
        id="7",
        lines=lines(
            {"line_number": first, "description": "a"}, {"line_number": second, "description": "b"}
        ),
    )

    assert numbered(query, document) == [("7", 1, "a"), ("7", 2, "b")]


def test_without_lines(insert: Action, query: Query, document: str) -> None:
    """A document without lines has no rows and breaks nothing."""
    insert(f"{document}s", id="1", lines=None)
    insert(f"{document}s", id="2", lines="[]")
    insert(f"{document}s", id="3", lines=lines({"description": "a"}))

    assert numbered(query, document) == [("3", 1, "a")]


def test_equal_lines(insert: Action, query: Query, document: str) -> None:
    """Two equal lines are two rows, in one document and in two."""
    insert(f"{document}s", id="1", lines=lines({"description": "a"}, {"description": "a"}))
    insert(f"{document}s", id="2", lines=lines({"description": "a"}))

    assert numbered(query, document) == [("1", 1, "a"), ("1", 2, "a"), ("2", 1, "a")]


def test_old_versions(insert: Action, query: Query, document: str) -> None:
    """Only the lines of the current version count; a deleted document has none."""
    insert(f"{document}s", id="1", lines=lines({"description": "old"}), _dlt_valid_to="2026-01-02")
    insert(
        f"{document}s", id="1", lines=lines({"description": "new"}), _dlt_valid_from="2026-01-02"
    )
    insert(f"{document}s", id="2", lines=lines({"description": "gone"}), _dlt_valid_to="2026-01-02")

    assert numbered(query, document) == [("1", 1, "new")]


def test_invalid_numbers(insert: Action, query: Query, document: str) -> None:
    """A value that is not a number is null; the rest of its line is kept."""
    items = [{"quantity": "N/A", "price": 2}, {"quantity": {"a": 1}, "subtotal": "1e400"}, {}, None]
    insert(f"{document}s", id="7", lines=lines(*items))

    rows = query(
        f"select line_number, quantity, unit_price, line_net"
        f" from staging.{document}_lines order by all"
    )

    assert rows == [
        (1, None, Decimal(2), None),
        (2, None, None, None),
        (3, None, None, None),
    ]


def test_sums(insert: Action, query: Query, document: str) -> None:
    """The lines add up to the source, for documents of every size."""
    for number in range(1, 40):
        items = [{"line_number": each, "subtotal": f"{each}.01"} for each in range(number)]
        insert(f"{document}s", id=str(number), lines=lines(*items))

    expected = sum((Decimal(f"{each}.01") for n in range(1, 40) for each in range(n)), Decimal())
    rows = query(f"select count(*), sum(line_net) from staging.{document}_lines")
    assert rows == [(sum(range(1, 40)), expected)]


def test_no_lines(insert: Action, query: Query, document: str) -> None:
    """What is no line only takes its place."""
    item = {"description": "a", "subtotal": "5"}
    insert(f"{document}s", id="7", lines=lines(None, item, None))
    insert(f"{document}s", id="8", lines=lines(None, {**item, "line_number": 4.0}))

    assert numbered(query, document) == [("7", 2, "a"), ("8", 4, "a")]


def test_odd_values(insert: Action, query: Query, document: str) -> None:
    """A value that does not fit is null; only JSON's own spelling of a number is one."""
    item = {"quantity": "1_000", "price": "$5", "discount": "1,5", "subtotal": "1.234,56"}
    insert(f"{document}s", id="7", lines=lines({**item, "product_id": 1.0}))

    assert query(
        f"select product_id, quantity, unit_price, discount, line_net from staging.{document}_lines"
    ) == [("1", None, None, None, None)]
