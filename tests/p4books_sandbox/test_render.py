"""Rendering of records: ids, spelling, amounts, extra and missing fields."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import requests

from p4books_sandbox import Options, Sandbox
from p4books_sandbox.render import SPELLINGS, find_key, get_value, make_renderer
from p4books_sandbox.store import decode_json

SendRequest = Callable[..., requests.Response]
Rows = list[dict[str, Any]]

LINE = {"line_number": 1, "product_id": 3, "price": 10.7, "quantity": 2}
INVOICE = {"customer_id": 4, "tax_id": "8-1-1", "total": 21.4, "balance": None, "lines": [LINE]}


def _render(**options: Any) -> dict[str, Any]:
    render = make_renderer(Options(**options), "invoices")
    assert render
    return render({"id": 5, **INVOICE})


def _generate_lists(**options: Any) -> dict[str, Rows]:
    """Return the rows of every list, digit by digit."""
    sandbox = Sandbox(invoices=60, **options)
    return {
        path: [decode_json(row) for row in records.page(0, len(records))[0]]
        for path, records in sandbox.books.items()
    }


def _find_names(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from each
            for inner in each.values():
                yield from _find_names(inner)


def test_default_options_render_nothing() -> None:
    """With the default options records are not rendered, which costs nothing."""
    assert make_renderer(Options(), "invoices") is None


def test_uuids() -> None:
    """Ids are UUIDs, the same in every run, and references still match."""
    lists = _generate_lists(ids="uuids")
    own = {path: {row["id"] for row in rows} for path, rows in lists.items()}

    assert {UUID(each).version for ids in own.values() for each in ids} == {5}
    assert len(set.union(*own.values())) == sum(len(rows) for rows in lists.values())
    for row in lists["invoices"]:
        assert row.get("customer_id") in {None, *own["customers"]}
        assert row.get("sales_order_id") in {None, *own["sales-orders"]}
        assert {line["product_id"] for line in row["lines"]} <= {None, *own["products"]}
    assert {row["vendor_id"] for row in lists["purchase-orders"]} <= own["vendors"]
    assert lists == _generate_lists(ids="uuids")


def test_uuids_of_new_records(send: SendRequest) -> None:
    """A new record gets a UUID too, and is addressed by it or by its number."""
    with Sandbox(invoices=3, ids="uuids") as sandbox:
        invoices = sandbox.books["invoices"]
        posted = send(sandbox, "invoices", "POST", json={"customer_id": 1}).json()
        inserted = invoices.insert({"customer_id": "ours"})
        invoices.replace(4, status="Paid")
        invoices.replace(inserted, status="Void")
        invoices.delete(1)
        rows = send(sandbox, "invoices").json()["data"]

        assert rows[2] == {**posted, "status": "Paid"}
        assert rows[2]["customer_id"] == sandbox.books["customers"].ids()[0]
        assert rows[3] == {"id": inserted, "customer_id": "ours", "status": "Void"}
        assert [row["id"] for row in rows] == invoices.ids()


def test_long_ids() -> None:
    """Ids have nineteen digits and differ in the last, which is lost in a double."""
    rendered = _render(ids="long")

    assert (rendered["id"], rendered["customer_id"]) == (10**18 + 5, 10**18 + 4)
    assert rendered["lines"][0]["product_id"] == 10**18 + 3
    assert rendered["tax_id"] == "8-1-1"


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("pascal", {"Id", "LineNumber", "AddressType"}),
        ("camel", {"id", "lineNumber", "salesOrderId"}),
    ],
)
def test_spelling_of_records(spelling: str, names: set[str]) -> None:
    """All names in records, lines and addresses have the same spelling."""
    found = {
        name for rows in _generate_lists(spelling=spelling).values() for name in _find_names(rows)
    }

    assert names <= found
    assert not any("_" in name or name[0].isupper() == (spelling == "camel") for name in found)


@pytest.mark.parametrize(
    ("name", "snake", "pascal", "camel"),
    [
        ("id", "id", "Id", "id"),
        ("sales_order_id", "sales_order_id", "SalesOrderId", "salesOrderId"),
        ("line1", "line1", "Line1", "line1"),
        ("DocumentDate", "DocumentDate", "DocumentDate", "documentDate"),
    ],
)
def test_spelling_of_a_name(name: str, snake: str, pascal: str, camel: str) -> None:
    """A name has three spellings; one that has another spelling already is not split."""
    assert [spell(name) for spell in SPELLINGS.values()] == [snake, pascal, camel]


def test_name_in_any_spelling() -> None:
    """A key is found in any spelling, and never for a part of it."""
    record = {"DocumentDate": "2026-03-31", "ID": 5, "identity": 1}

    assert (find_key(record, "document_date"), get_value(record, "id")) == ("DocumentDate", 5)
    assert (find_key(record, "date"), get_value({"identity": 1}, "id")) == (None, None)


def test_spelling_of_a_change(send: SendRequest) -> None:
    """A change has the record's spelling; the names of the page do not change."""
    with Sandbox(data={"vendors": [{"tax_id": "1"}]}, spelling="pascal") as sandbox:
        sandbox.books["vendors"].replace(1, tax_id="2", balance=5)
        send(sandbox, "vendors", "POST", json={"tax_id": "3"})
        page = send(sandbox, "vendors").json()

    assert page["data"] == [{"Id": 1, "TaxId": "2", "Balance": 5}, {"Id": 2, "TaxId": "3"}]
    assert set(page) == {"data", "total", "page"}


def test_amounts_as_text() -> None:
    """Amounts have the same digits as text, in lines too; null stays null."""
    numbers, texts = _generate_lists(), _generate_lists(amounts="strings")

    for one, other in zip(numbers["invoices"], texts["invoices"], strict=True):
        assert isinstance(other["total"], str)
        assert Decimal(other["total"]) == one["total"]
        assert [line["price"] for line in other["lines"]] == [
            str(line["price"]) for line in one["lines"]
        ]
    assert _render(amounts="strings")["balance"] is None


def test_numbers_that_are_not_amounts() -> None:
    """Ids, line numbers and unknown numbers stay numbers."""
    rendered = _render(amounts="strings", unknown_fields=True)

    assert (rendered["id"], rendered["lines"][0]["line_number"]) == (5, 1)
    assert rendered["sandbox_number"] == 1.5


def test_exact_amounts_as_text(send: SendRequest) -> None:
    """A posted amount with more digits than a double keeps them as text."""
    body = b'{"total":1234567890123456.78}'
    with Sandbox(empty=True, amounts="strings") as sandbox:
        response = send(sandbox, "invoices", "POST", data=body)

    assert response.json()["total"] == "1234567890123456.78"


def test_unknown_fields() -> None:
    """Every record has an extra text, number and object."""
    for rows in _generate_lists(unknown_fields=True, spelling="camel").values():
        assert all(row["sandboxNote"] == "Ñandú" for row in rows)
        assert all(row["sandboxNumber"] == Decimal("1.5") for row in rows)
        assert all(row["sandboxTags"] == {"of": [{"a": None}]} for row in rows)


def test_missing_fields() -> None:
    """Named fields are in no record and no line; with * only the id is left."""
    named = _generate_lists(leave_out=("total", "price"))
    every = _generate_lists(leave_out=["*"])

    assert not {"total", "price"} & set(_find_names(list(named.values())))
    assert "subtotal" in set(_find_names(named["invoices"]))
    assert set(_find_names([row for rows in every.values() for row in rows])) == {"id"}


def test_null_fields() -> None:
    """Named fields are null; with * all but the id are."""
    assert _render(nulls=("price",))["lines"] == [{**LINE, "price": None}]
    assert _render(nulls=("*",)) == {"id": 5, **dict.fromkeys(INVOICE)}


@pytest.mark.parametrize("ids", ["integers", "uuids"])
def test_mixed_fields(ids: str) -> None:
    """A field may hold a text in every fifth row and a number in the others, whatever the ids."""
    rows = _generate_lists(mixed=("balance",), ids=ids)["invoices"]

    assert [row["balance"] == "N/A" for row in rows] == [n % 5 == 0 for n in range(1, 61)]


def test_mixed_field_of_a_change() -> None:
    """A change to such a row does not bring the number back."""
    sandbox = Sandbox(data={"vendors": [{"id": 5, "balance": 1}]}, mixed=("balance",))
    sandbox.books["vendors"].replace(5, balance=2)

    assert sandbox.books["vendors"].records() == [{"id": 5, "balance": "N/A"}]


def test_hidden_statuses(send: SendRequest) -> None:
    """Records with a hidden status are neither listed nor counted, whenever they get it."""
    hidden = ("Draft", "Void")
    with Sandbox(invoices=100, hidden=hidden, spelling="pascal", limit=0) as sandbox:
        invoices = sandbox.books["invoices"]
        statuses = {row["Id"]: row["Status"] for row in invoices.records()}
        kept = [each for each in invoices.ids() if statuses[each] not in hidden]
        before = send(sandbox, "invoices?page_size=500").json()
        invoices.replace(kept[0], status="Void")
        send(sandbox, "invoices", "POST", json={"status": "Draft"})
        after = send(sandbox, "invoices?page_size=500").json()

    assert {*hidden} < {*statuses.values()}
    assert ([row["Id"] for row in before["data"]], before["total"]) == (kept, len(kept))
    assert ([row["Id"] for row in after["data"]], after["total"]) == (kept[1:], len(kept) - 1)


def test_all_options_together() -> None:
    """The options can be combined."""
    options = {"ids": "uuids", "spelling": "pascal", "amounts": "strings", "order": "descending",
               "unknown_fields": True, "mixed": ("total",), "nulls": ("due_date",)}  # fmt: skip
    newest = _generate_lists(**options)["invoices"][0]

    assert (newest["Total"], newest["DueDate"]) == ("N/A", None)
    assert (newest["Code"], newest["SandboxNumber"]) == ("FAC-000060", Decimal("1.5"))
    assert UUID(newest["Id"])
