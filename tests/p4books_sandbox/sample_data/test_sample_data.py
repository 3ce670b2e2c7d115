"""Sample data as a whole: size, fields, sums and references."""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from p4books_sandbox import Options
from p4books_sandbox.contract import ENDPOINTS, Address, Line
from p4books_sandbox.sample_data import generate_books
from p4books_sandbox.sample_data.vocabulary import TAX_PERCENT
from p4books_sandbox.store import RecordList, decode_json

Books = dict[str, RecordList]
DOCUMENTS = ("invoices", "purchase-orders", "sales-orders")
GENERATED = ("products", "customers", "vendors", *DOCUMENTS)  # other lists are empty

for_generated_lists = pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in ENDPOINTS if endpoint.path in GENERATED],
    ids=lambda endpoint: endpoint.path,
)


@pytest.fixture(scope="module")
def books() -> Books:
    """Books of the default size."""
    return generate_books(Options())


def _read_rows(books: Books, path: str) -> list[dict[str, Any]]:
    return [decode_json(row) for row in books[path].page(0, len(books[path]))[0]]


def _join_rows(books: Books) -> bytes:
    return b"\n".join(row for rows in books.values() for row in rows.page(0, len(rows))[0])


def test_same_seed() -> None:
    """The same size and seed give the same bytes; another seed gives others."""
    first, again, other = (
        _join_rows(generate_books(Options(invoices=60, seed=n))) for n in (7, 7, 8)
    )

    assert first == again
    assert first != other


def test_books_never_change() -> None:
    """The books are the same in every version; a change is noticed here."""
    found = sha256(_join_rows(generate_books(Options(invoices=60)))).hexdigest()

    assert found == "45b09c1ec04c9719868f66cda32e71e549c0efa41ce8341dd075c39e378580b3"


def test_last_day() -> None:
    """The books end on the given day, and differ from the default only in their dates."""
    default, moved = (
        _read_rows(generate_books(Options(invoices=9, last_day=day)), "invoices")
        for day in (None, date(2027, 1, 31))
    )

    assert moved[-1]["document_date"] == "2027-01-31"
    assert [row["total"] for row in moved] == [row["total"] for row in default]
    for name in ("document_date", "due_date"):
        expected = [date.fromisoformat(row[name]) + timedelta(days=215) for row in default]
        assert [date.fromisoformat(row[name]) for row in moved] == expected


@pytest.mark.parametrize("invoices", [0, 1, 3, 500])
def test_any_size(invoices: int) -> None:
    """There are as many invoices as requested, and every other list is in proportion."""
    sizes = {path: len(rows) for path, rows in generate_books(Options(invoices=invoices)).items()}

    assert list(sizes) == [endpoint.path for endpoint in ENDPOINTS]
    assert sizes["invoices"] == invoices
    assert sizes["sales-orders"] <= invoices
    assert sizes["purchase-orders"] <= max(1, invoices)
    assert min(sizes["products"], sizes["customers"], sizes["vendors"]) >= 20


@for_generated_lists
def test_every_field_occurs(books: Books, endpoint: Any) -> None:
    """Every field of the contract has a value in some record, and no other field exists."""
    rows = _read_rows(books, endpoint.path)
    with_value = {key for row in rows for key, value in row.items() if value not in (None, [])}

    assert with_value == set(endpoint.record.model_fields)


@pytest.mark.parametrize(
    ("path", "inner", "shape"), [("customers", "addresses", Address), ("invoices", "lines", Line)]
)
def test_every_inner_field_occurs(
    books: Books, path: str, inner: str, shape: type[BaseModel]
) -> None:
    """So do all fields of addresses and lines."""
    rows = [each for row in _read_rows(books, path) for each in row[inner]]

    assert {key for row in rows for key, value in row.items() if value is not None} == set(
        shape.model_fields
    )


@for_generated_lists
def test_every_choice_occurs(books: Books, endpoint: Any) -> None:
    """If the contract limits the values of a field, each of them occurs."""
    for name, field in endpoint.record.model_fields.items():
        for choice in get_args(field.annotation):
            if get_origin(choice) is Literal:
                found = {row.get(name) for row in _read_rows(books, endpoint.path)}
                assert found == set(get_args(choice))


@for_generated_lists
def test_records_match_the_contract(books: Books, endpoint: Any) -> None:
    """Every record has the types of the contract."""
    for row in books[endpoint.path].records():
        endpoint.record.model_validate(row)


@pytest.mark.parametrize("path", ["products", "customers", "invoices", "purchase-orders"])
def test_some_fields_are_missing(books: Books, path: str) -> None:
    """Not all records have all fields."""
    assert len({frozenset(row) for row in _read_rows(books, path)}) > 1


@pytest.mark.parametrize("path", ["products", "customers", "vendors", "invoices", "sales-orders"])
def test_some_fields_are_null(books: Books, path: str) -> None:
    """Some fields are null."""
    assert any(None in row.values() for row in _read_rows(books, path))


def _cents(row: dict[str, Any], key: str) -> Decimal:
    return Decimal(row.get(key) or 0)


def _documents(books: Books) -> Iterator[dict[str, Any]]:
    for path in DOCUMENTS:
        yield from _read_rows(books, path)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    invoices=st.integers(0, 120),
    seed=st.integers(0, 10**6),
    lines=st.none() | st.integers(1, 12),
)
def test_totals_are_sums_of_lines(invoices: int, seed: int, lines: int | None) -> None:
    """In any books the totals of every document are the sums of its lines, to the cent."""
    for document in _documents(generate_books(Options(invoices=invoices, seed=seed, lines=lines))):
        rows = document["lines"]
        taxes = [
            (row["subtotal"] * TAX_PERCENT[row["tax_code"]] / 100).quantize(
                Decimal("0.01"), ROUND_HALF_UP
            )
            for row in rows
        ]
        assert lines in (None, len(rows))
        assert document["subtotal"] == sum(row["subtotal"] for row in rows)
        assert document["tax_total"] == sum(taxes)
        assert document["total"] == document["subtotal"] + document["tax_total"]
        if "balance" in document:
            assert document["balance"] == document["total"] - document["amount_paid"]


@pytest.mark.parametrize("invoices", [30, 2000])
def test_balances_are_sums_of_invoices(invoices: int) -> None:
    """A customer's balance is the sum of the open amounts of its posted invoices."""
    books = generate_books(Options(invoices=invoices))
    owed = {row["id"]: Decimal(0) for row in _read_rows(books, "customers")}
    for invoice in _read_rows(books, "invoices"):
        if invoice["status"] in {"Posted", "PartiallyPaid"}:
            owed[invoice["customer_id"]] += invoice["balance"]

    assert {row["id"]: row["balance"] for row in _read_rows(books, "customers")} == owed


@pytest.mark.parametrize("invoices", [1, 60, 2000])
def test_references_exist(invoices: int) -> None:
    """Every record that a document refers to exists."""
    books = generate_books(Options(invoices=invoices))
    ids = {path: {None, *books[path].ids()} for path in books}
    lists = {"customer_id": "customers", "vendor_id": "vendors", "sales_order_id": "sales-orders"}

    for document in _documents(books):
        assert all(document.get(key) in ids[path] for key, path in lists.items())
        assert all(line["product_id"] in ids["products"] for line in document["lines"])


def test_amounts_have_two_decimals(books: Books) -> None:
    """No amount is written with a rounding error, like 10.700000000000001."""
    for document in _documents(books):
        for key in ("subtotal", "tax_total", "total"):
            assert document[key] == round(document[key], 2)
            assert len(str(document[key]).partition(".")[2]) <= 2


def test_generation_is_fast() -> None:
    """Books of 500 invoices are generated in less than a second."""
    began = time.perf_counter()
    generate_books(Options(invoices=500))

    assert time.perf_counter() - began < 1
