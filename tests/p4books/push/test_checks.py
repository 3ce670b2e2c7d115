"""What of a user's file may be sent?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.errors import UsageError
from p4books.push.lookups import Lookups, RecordIndex, TaxRate
from p4books.push.types import Draft, Fault, SourceRow
from p4books.push.validate import validate_records

Values = Mapping[str, Any]

BOOKS = Lookups(
    own=RecordIndex({"OLD": "7"}, {"7"}),
    lists={
        "customers": RecordIndex({"C-1": "1"}, {"1"}),
        "products": RecordIndex({"P-1": "10"}, {"10"}),
    },
    tax_codes={"ITBMS": "ITBMS"},
    rates={"ITBMS": [TaxRate(Decimal("0.07"))]},
)
LINE = {"quantity": 3, "price": Decimal("35.31"), "product": "P-1", "tax_code": "ITBMS"}
INVOICE = {"code": "F-1", "customer": "C-1", "lines": [LINE]}


def checked(endpoint: Endpoint, *rows: Values, **renamed: str) -> list[Draft | Fault]:
    numbered = (SourceRow(number, values) for number, values in enumerate(rows, 2))
    return list(validate_records(numbered, endpoint, BOOKS, renamed))


def drafts(endpoint: Endpoint, *rows: Values) -> list[Draft]:
    found = checked(endpoint, *rows)
    assert all(isinstance(each, Draft) for each in found), found
    return [each for each in found if isinstance(each, Draft)]


def faults(endpoint: Endpoint, *rows: Values) -> list[tuple[int, str]]:
    found = checked(endpoint, *rows)
    assert all(isinstance(each, Fault) for each in found), found
    return [(each.row, each.column) for each in found if isinstance(each, Fault)]


def test_draft() -> None:
    """A record becomes the JSON that is sent: names sorted, nulls left out, numbers exact."""
    values = {
        "Name": " Tía ",
        "code": 1001,
        "price": "25.50",
        "cost": Decimal("1E+2"),
        "status": "",
    }

    (draft,) = drafts(PRODUCTS, values)

    body = '{"code":"1001","cost":100,"name":"Tía","price":25.5}'.encode()
    told = hashlib.sha256(b"products\n" + body).hexdigest()
    assert draft == Draft(2, "1001", body, told)


def test_document() -> None:
    """A document's lines are a list, its references ids."""
    (draft,) = drafts(
        INVOICES, {**INVOICE, "document_date": date(2026, 3, 31), "tax_total": "7.42"}
    )

    assert json.loads(draft.body) == {
        "code": "F-1",
        "customer_id": 1,
        "document_date": "2026-03-31",
        "tax_total": 7.42,
        "lines": [{"quantity": 3, "price": 35.31, "product_id": 10, "tax_code": "ITBMS"}],
    }


def test_in_rows() -> None:
    """Rows with the same code that stand together are one document, sent as a nested one is."""
    second = {**LINE, "quantity": "1.0"}
    flat = [
        {"code": "F-1", "customer": "C-1", **LINE},
        {"code": "F-1", "customer": "", **second},
        {"code": "F-2", "customer": "C-1", **LINE},
    ]

    found = drafts(INVOICES, *flat)

    nested = drafts(INVOICES, {**INVOICE, "lines": [LINE, second]}, {**INVOICE, "code": "F-2"})
    assert [(each.row, each.code) for each in found] == [(2, "F-1"), (4, "F-2")]
    assert [each.hash for each in found] == [each.hash for each in nested]


def test_in_the_books() -> None:
    """A code that stands in the books already is told with the draft, as the record's id."""
    found = drafts(PRODUCTS, {"code": "OLD", "name": "x"}, {"code": "NEW", "name": "x"})

    assert [each.stands_as for each in found] == ["7", None]


@pytest.mark.parametrize(
    ("rows", "again"),
    [
        ([{**INVOICE}, {**INVOICE, "code": "F-2"}, {**INVOICE, "code": " F-1 "}], 4),
        ([{"code": c, "customer": "C-1", **LINE} for c in ("F-1", "F-2", "F-1")], 4),
        ([INVOICE, INVOICE], 3),
    ],
    ids=["nested", "in rows", "one after the other"],
)
def test_twice(rows: Sequence[Values], again: int) -> None:
    """A code that stands twice in the file is a fault here and there: neither is to be sent."""
    *sent, fault, first = checked(INVOICES, *rows)

    assert all(isinstance(each, Draft) for each in sent)
    assert isinstance(fault, Fault)
    assert isinstance(first, Fault)
    assert (fault.record, fault.what) == (again, "This code stands in row 2 already.")
    assert (first.record, first.what) == (2, f"This code stands in row {again} again.")
    assert "sort the file by code" in fault.remedy


def test_three_times() -> None:
    """The first of several rows with one code is told once."""
    found = checked(PRODUCTS, *[{"code": "a", "name": "x"}] * 3)

    assert [each.row for each in found if isinstance(each, Fault)] == [3, 2, 4]


def test_twice_without_items() -> None:
    """Records that have no items are never one in two rows."""
    row = {"code": "C-1", "name": "x"}

    assert isinstance(checked(CUSTOMERS, row, row)[1], Fault)
    assert isinstance(checked(CUSTOMERS, {**row, "city": ""}, {**row, "city": ""})[1], Fault)


def test_all_faults() -> None:
    """All that is wrong with a document is told, as its rows and columns come; nothing is sent."""
    rows = [
        {"quantity": "x", "code": "F-1", "price": 1, "customer": "C-9"},
        {"quantity": 1, "code": "F-1", "price": "1,5", "customer": "C-1"},
        {"quantity": 1, "code": "", "price": "", "customer": ""},
    ]

    assert faults(INVOICES, *rows) == [
        (2, "quantity"),
        (2, "customer"),
        (3, "price"),
        (4, "code"),
        (4, "price"),
    ]


def test_a_fault_stops_only_its_record() -> None:
    """A faulty record is told, and those around it are drafts."""
    row = {"code": "a", "name": "x"}
    found = checked(PRODUCTS, row, {"code": "b", "name": ""}, {**row, "code": "c"})

    assert [type(each) for each in found] == [Draft, Fault, Draft]


def test_unknown_column() -> None:
    """A column that nobody knows is one fault, and no record goes without what it has there."""
    rows = [{"code": str(n), "name": "x", "colour": colour} for n, colour in enumerate(["", "red"])]

    fault, draft = checked(PRODUCTS, *rows)

    assert isinstance(fault, Fault)
    assert (fault.row, fault.column) == (0, "colour")
    assert isinstance(draft, Draft)
    assert draft.code == "0"


def test_contradictions() -> None:
    """Amounts that do not agree are told in their own columns, with both figures."""
    lines = [LINE, {**LINE, "subtotal": "105.92"}, {**LINE, "Subtotal": 5}]
    (fault,) = checked(INVOICES, {**INVOICE, "Lines": lines, "lines": None}, lines="")

    assert isinstance(fault, Fault)
    assert (fault.row, fault.column, fault.value) == (2, "Lines[3].Subtotal", "5")
    assert fault.what == "The line comes to 105.93, and its subtotal is 5.00."

    header = {"code": "F-1", "customer": "C-1", "Subtotal": 1, "line_subtotal": 2}
    found = faults(INVOICES, {**header, **LINE}, {**header, **LINE, "line_subtotal": 105})
    assert found == [(2, "Subtotal"), (2, "line_subtotal"), (3, "line_subtotal")]


def test_streams() -> None:
    """A record is given as soon as the next one begins, before the file was read to its end."""
    read: list[int] = []

    def rows() -> Any:
        for number in range(2, 1_000):
            read.append(number)
            yield SourceRow(number, {"code": str(number), "name": "x"})

    next(validate_records(rows(), PRODUCTS, BOOKS, {}))

    assert read == [2, 3]


def test_senseless() -> None:
    """A column renamed to what is no field is told before any row is read."""
    with pytest.raises(UsageError, match="Did you mean 'price'"):
        validate_records(iter(()), PRODUCTS, BOOKS, {"precio": "prices"})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9).map(
    lambda text: normalize("NFC", text.strip())
)
AMOUNTS = st.decimals(-1000, 1000, places=2)
LINES = st.lists(
    st.fixed_dictionaries(
        {"quantity": AMOUNTS, "price": AMOUNTS},
        optional={
            "description": TEXTS,
            "product_id": st.just("10"),
            "line_number": st.integers(1, 9),
        },
    ),
    min_size=1,
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {"code": TEXTS.filter(bool), "customer_id": st.just("1"), "lines": LINES},
    optional={
        "currency": TEXTS,
        "amount_paid": AMOUNTS,
        "due_date": st.dates(),
    },
)


def as_text(record: Values) -> dict[str, Any]:
    """Write a record as a CSV file has it."""
    lines = json.dumps([{k: str(v) for k, v in line.items()} for line in record["lines"]])
    return {**{name: str(value) for name, value in record.items()}, "lines": lines}


def told(record: Values) -> dict[str, Any]:
    """Say what a body must hold: ids and days as JSON has them, nothing empty."""
    found = {name: value for name, value in record.items() if value != ""}
    found |= {name: int(found[name]) for name in ("customer_id", "product_id") if name in found}
    if "due_date" in found:
        found["due_date"] = found["due_date"].isoformat()
    if "lines" in found:
        found["lines"] = [told(line) for line in found["lines"]]
    return found


@given(record=RECORDS)
def test_nothing_is_lost(record: dict[str, Any]) -> None:
    """A body says what was put in, to the digit; as text and as JSON it is the same one."""
    (draft,) = drafts(INVOICES, record)
    (other,) = drafts(INVOICES, as_text(record))

    assert json.loads(draft.body, parse_float=Decimal) == told(record)
    assert draft.hash == other.hash
