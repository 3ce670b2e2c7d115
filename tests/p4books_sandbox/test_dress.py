"""How is a record written by this server?"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import requests

from p4books_sandbox import Options, Sandbox
from p4books_sandbox.render import AMOUNTS, dress_of
from p4books_sandbox.store import decode

Ask = Callable[..., requests.Response]
Rows = list[dict[str, Any]]

LINE = {"line_number": 1, "product_id": 3, "price": 10.7, "quantity": 2}
INVOICE = {"customer_id": 4, "tax_id": "8-1-1", "total": 21.4, "balance": None, "lines": [LINE]}


def _dressed(**ways: Any) -> dict[str, Any]:
    dress = dress_of(Options(**ways), "invoices")
    assert dress
    return dress({"id": 5, **INVOICE})


def _lists(ask: Ask, **ways: Any) -> dict[str, Rows]:
    with Sandbox(invoices=60, limit=0, **ways) as sandbox:
        return {
            path: decode(ask(sandbox, path + "?page_size=500").content)["data"]
            for path in sandbox.books
        }


def _names(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from each
            for inner in each.values():
                yield from _names(inner)


def test_plainly() -> None:
    """With the ways untouched there is nothing to do, which costs nothing."""
    assert dress_of(Options(), "invoices") is None


def test_uuids(ask: Ask) -> None:
    """Ids are UUIDs, the same each time, and what points to a record still does."""
    lists = _lists(ask, ids="uuids")
    own = {path: {row["id"] for row in rows} for path, rows in lists.items()}

    assert {UUID(each).version for ids in own.values() for each in ids} == {5}
    assert len(set.union(*own.values())) == sum(len(rows) for rows in lists.values())
    for row in lists["invoices"]:
        assert row.get("customer_id") in {None, *own["customers"]}
        assert row.get("sales_order_id") in {None, *own["sales-orders"]}
        assert {line["product_id"] for line in row["lines"]} <= {None, *own["products"]}
    assert {row["vendor_id"] for row in lists["purchase-orders"]} <= own["vendors"]
    assert lists == _lists(ask, ids="uuids")


def test_uuids_of_new_records(ask: Ask) -> None:
    """A new record gets a UUID too, and is found by it or by its number."""
    with Sandbox(invoices=3, ids="uuids") as sandbox:
        books = sandbox.books["invoices"]
        posted = ask(sandbox, "invoices", "POST", json={"customer_id": 1}).json()
        put_in = books.insert({"customer_id": "ours"})
        books.replace(4, status="Paid")
        books.replace(put_in, status="Void")
        books.delete(1)
        rows = ask(sandbox, "invoices").json()["data"]

        assert rows[2] == {**posted, "status": "Paid"}
        assert rows[2]["customer_id"] == sandbox.books["customers"].ids()[0]
        assert rows[3] == {"id": put_in, "customer_id": "ours", "status": "Void"}
        assert [row["id"] for row in rows] == books.ids()


def test_long_ids() -> None:
    """Ids have nineteen digits and differ in the last, which a double does not tell apart."""
    dressed = _dressed(ids="long")

    assert (dressed["id"], dressed["customer_id"]) == (10**18 + 5, 10**18 + 4)
    assert dressed["lines"][0]["product_id"] == 10**18 + 3
    assert dressed["tax_id"] == "8-1-1"


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("pascal", {"Id", "LineNumber", "AddressType"}),
        ("camel", {"id", "lineNumber", "salesOrderId"}),
    ],
)
def test_spellings(ask: Ask, spelling: str, names: set[str]) -> None:
    """Names of records, lines and addresses are spelt in one way, those of the page are not."""
    lists = _lists(ask, spelling=spelling)
    found = {name for rows in lists.values() for name in _names(rows)}

    assert names <= found
    assert not any("_" in name or name[0].isupper() == (spelling == "camel") for name in found)


def test_a_change_is_spelt_too(ask: Ask) -> None:
    """What a test changes is written as the record is."""
    with Sandbox(data={"vendors": [{"tax_id": "1"}]}, spelling="pascal") as sandbox:
        sandbox.books["vendors"].replace(1, tax_id="2", balance=5)
        ask(sandbox, "vendors", "POST", json={"tax_id": "3"})
        rows = ask(sandbox, "vendors").json()["data"]

    assert rows == [{"Id": 1, "TaxId": "2", "Balance": 5}, {"Id": 2, "TaxId": "3"}]


def test_amounts_as_strings(ask: Ask) -> None:
    """Amounts are the same figures as text, in lines too; null stays null."""
    plain, text = _lists(ask), _lists(ask, amounts="strings")

    for one, other in zip(plain["invoices"], text["invoices"], strict=True):
        assert isinstance(other["total"], str)
        assert Decimal(other["total"]) == one["total"]
        assert [line["price"] for line in other["lines"]] == [
            str(line["price"]) for line in one["lines"]
        ]
    assert _dressed(amounts="strings")["balance"] is None


def test_which_fields_are_amounts() -> None:
    """The amounts are those of the contract's records."""
    assert {"amount_paid", "balance", "cost", "credit_limit", "discount", "price",
                       "quantity", "subtotal", "tax_total", "total"} == AMOUNTS  # fmt: skip


def test_exact_amounts_as_strings(ask: Ask) -> None:
    """A posted amount beyond a double keeps its figures as text."""
    body = b'{"total":1234567890123456.78}'
    with Sandbox(empty=True, amounts="strings") as sandbox:
        answer = ask(sandbox, "invoices", "POST", data=body)

    assert answer.json()["total"] == "1234567890123456.78"


def test_unknown_fields(ask: Ask) -> None:
    """Every record has a text, a number and an inner object more."""
    lists = _lists(ask, unknown_fields=True, spelling="camel")

    for rows in lists.values():
        assert all(row["sandboxNote"] == "Ñandú" for row in rows)
        assert all(row["sandboxTags"] == {"of": [{"a": None}]} for row in rows)


def test_fields_left_out(ask: Ask) -> None:
    """Named fields are in no record and no line; with * only the id is left."""
    named = _lists(ask, leave_out=("total", "price"))
    every = _lists(ask, leave_out=["*"])

    assert not {"total", "price"} & set(_names(list(named.values())))
    assert "subtotal" in set(_names(named["invoices"]))
    assert set(_names([row for rows in every.values() for row in rows])) == {"id"}


def test_fields_that_are_null() -> None:
    """Named fields are null; with * only the id is not."""
    assert _dressed(nulls=("price",))["lines"] == [{**LINE, "price": None}]
    assert _dressed(nulls=("*",)) == {"id": 5, **dict.fromkeys(INVOICE)}


def test_mixed_fields(ask: Ask) -> None:
    """A field may hold a text in some rows, a number in the others, whatever the ids are."""
    for ids in ("integers", "uuids"):
        rows = _lists(ask, mixed=("balance",), ids=ids)["invoices"]

        assert [row["balance"] == "N/A" for row in rows] == [n % 5 == 0 for n in range(1, 61)]
    with Sandbox(data={"vendors": [{"id": 5, "balance": 1}]}, mixed=("balance",)) as sandbox:
        sandbox.books["vendors"].replace(5, balance=2)

        assert sandbox.books["vendors"].records() == [{"id": 5, "balance": "N/A"}]


def test_hidden(ask: Ask) -> None:
    """Records of a hidden status are not listed and not counted, whenever they get it."""
    hidden = ("Draft", "Void")
    with Sandbox(invoices=100, hidden=hidden, spelling="pascal", limit=0) as sandbox:
        books = sandbox.books["invoices"]
        statuses = {row["Id"]: row["Status"] for row in books.records()}
        kept = [each for each in books.ids() if statuses[each] not in hidden]
        before = ask(sandbox, "invoices?page_size=500").json()
        books.replace(kept[0], status="Void")
        ask(sandbox, "invoices", "POST", json={"status": "Draft"})
        after = ask(sandbox, "invoices?page_size=500").json()

    assert {*hidden} < {*statuses.values()}
    assert ([row["Id"] for row in before["data"]], before["total"]) == (kept, len(kept))
    assert ([row["Id"] for row in after["data"]], after["total"]) == (kept[1:], len(kept) - 1)


def test_all_at_once(ask: Ask) -> None:
    """The ways go together."""
    ways = {"ids": "uuids", "spelling": "pascal", "amounts": "strings", "order": "descending",
            "unknown_fields": True, "mixed": ("total",), "nulls": ("due_date",)}  # fmt: skip
    newest = _lists(ask, **ways)["invoices"][0]

    assert (newest["Total"], newest["DueDate"], newest["SandboxNumber"]) == ("N/A", None, 1.5)
    assert newest["Code"] == "FAC-000060"
    assert UUID(newest["Id"])
