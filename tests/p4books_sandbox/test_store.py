"""Lists of records: pages, changes, codes and order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests

from p4books_sandbox import Options, Sandbox
from p4books_sandbox.store import (
    ORDERS,
    CodeIndex,
    RecordList,
    decode_json,
    encode_json,
    get_id,
)

SendRequest = Callable[..., requests.Response]

CODED = [b'{"id":1,"code":"A"}', b'{"Id":2,"Code":"B"}', b'{"id":3,"code":"A"}', b'{"id":4}']


@pytest.fixture
def rows() -> RecordList:
    """A list of three."""
    return RecordList([b'{"id":1}', b'{"id":2,"total":10.70}', b'{"id":3}'])


def test_page_and_total(rows: RecordList) -> None:
    """A page is a slice of the rows as they were encoded, with the number of all rows."""
    assert rows.page(1, 3) == ([b'{"id":2,"total":10.70}', b'{"id":3}'], 3)
    assert rows.page(3, 6) == ([], 3)
    assert len(rows) == 3


def test_insert_at_the_end(rows: RecordList) -> None:
    """A record without an id gets the next one and is the last."""
    assert rows.insert({"name": "new"}) == 4
    assert rows.records()[-1] == {"id": 4, "name": "new"}


def test_insert_at_the_front(rows: RecordList) -> None:
    """A list can grow at its front; its ids continue from the highest."""
    rows.insert({"name": "new"}, at=0)

    assert rows.ids() == [4, 1, 2, 3]


@pytest.mark.parametrize(
    ("record", "record_id"),
    [({"Id": 9}, 9), ({"ID": "4f7c-uuid"}, "4f7c-uuid"), ({"id": 9, "Total": "1,000.00"}, 9)],
)
def test_insert_any_shape(rows: RecordList, record: dict[str, object], record_id: object) -> None:
    """A hand-written record is kept as written, and its id is found."""
    assert rows.insert(record) == record_id
    assert rows.records()[-1] == record


def test_insert_without_an_id(rows: RecordList) -> None:
    """A record may stay without an id."""
    assert rows.insert({"name": "new"}, number=False) is None
    assert rows.records()[-1] == {"name": "new"}


def test_next_id_is_above_the_highest(rows: RecordList) -> None:
    """An id given by hand raises those that follow; a deleted one is not used again."""
    rows.insert({"id": 40})
    rows.insert({"id": 5})
    rows.delete(40)

    assert rows.insert({}) == 41


def test_replace_keeps_the_position(rows: RecordList) -> None:
    """Only the given fields change; the others and the row's position do not."""
    rows.replace(2, status="Paid")

    assert rows.records()[1] == {"id": 2, "total": 10.7, "status": "Paid"}


def test_replace_keeps_all_digits(rows: RecordList) -> None:
    """An amount with more digits than a float holds is unchanged if another field changes."""
    rows.insert({"id": 5, "total": Decimal("1234567890123456.78")})

    rows.replace(5, status="Paid")

    assert rows.page(3, 4)[0] == [b'{"id":5,"total":1234567890123456.78,"status":"Paid"}']


def test_overwrite(rows: RecordList) -> None:
    """Another record can take a record's place, also with another id."""
    rows.overwrite(2, {"id": 7})

    assert rows.ids() == [1, 7, 3]
    assert rows.records()[1] == {"id": 7}


def test_delete_moves_rows_up(rows: RecordList) -> None:
    """The rows after a deleted record move up by one."""
    rows.delete(1)

    assert rows.ids() == [2, 3]
    assert rows.page(0, 1) == ([b'{"id":2,"total":10.70}'], 2)


@pytest.mark.parametrize("change", ["replace", "delete", "overwrite"])
def test_unknown_id(rows: RecordList, change: str) -> None:
    """Changing or deleting a record that does not exist is an error with its id."""
    more: list[dict[str, Any]] = [{}] if change == "overwrite" else []

    with pytest.raises(KeyError, match="no record with id 99"):
        getattr(rows, change)(99, *more)


def test_hidden_rows_follow_every_change() -> None:
    """After any change to a list, the visible rows and the total are up to date."""
    rows = RecordList([b'{"id":1,"status":"Paid"}', b'{"id":2}'], Options(hidden=("Void",)))
    totals = [rows.page(0, 9)[1]]

    for change in (
        lambda: rows.insert({"id": 3}),
        lambda: rows.create(b'{"status":"Void"}'),
        lambda: rows.replace(3, status="Void"),
        lambda: rows.overwrite(3, {"id": 3, "status": ["Void"]}),
        lambda: rows.delete(1),
    ):
        change()
        totals.append(rows.page(0, 9)[1])

    assert totals == [2, 3, 3, 2, 3, 2]
    assert (len(rows), rows.ids()) == (3, [2, 3, 4])


def test_first_row_with_a_code() -> None:
    """Of several rows with a code the first in the list is found; None is never searched for."""
    rows = RecordList(options=Options(order="descending"))

    older, newer = (rows.create(b'{"code":"A"}') for _ in range(2))

    assert (rows.with_code("A"), rows.page(0, 9)[0]) == (newer, [newer, older])
    assert (rows.with_code("B"), rows.with_code(None)) == (None, None)


def test_codes_follow_every_change(rows: RecordList) -> None:
    """After any change to a list, the codes that are found are up to date."""
    matches = [rows.with_code("A")]

    for change in (
        lambda: rows.insert({"id": 4, "code": "A"}),
        lambda: rows.replace(4, code="B"),
        lambda: rows.create(b'{"code":"A"}'),
        lambda: rows.overwrite(5, {"id": 5}),
        lambda: rows.replace(1, code="A"),
        lambda: rows.delete(1),
    ):
        change()
        matches.append(rows.with_code("A"))

    assert [get_id(decode_json(row)) if row else None for row in matches] == [
        *(None, 4, None, 5, None, 1, None)
    ]


@pytest.mark.parametrize(
    ("body", "row"),
    [
        (b'{"total": 10.700}', b'{"id":4,"total": 10.700}'),
        (b" {} \n", b'{"id":4}'),
        (b'{"total":1234567890123456.78 }', b'{"id":4,"total":1234567890123456.78}'),
    ],
)
def test_create_keeps_the_body(rows: RecordList, body: bytes, row: bytes) -> None:
    """A posted record is kept digit by digit, after its new id."""
    assert rows.create(body) == row
    assert rows.page(3, 9) == ([row], 4)
    assert rows.ids()[-1] == 4


@pytest.mark.parametrize(
    ("body", "row"),
    [
        (b'{"code":"A","total":10.700}', b'{"id":2,"code":"INV-000002","total":10.700}'),
        (b'{"Code":null}', b'{"id":2,"Code":"INV-000002"}'),
        (b"{}", b'{"id":2,"code":"INV-000002"}'),
    ],
)
def test_server_assigned_code(body: bytes, row: bytes) -> None:
    """Whatever code is posted, the record has the server's; its amounts stay as written."""
    rows = RecordList([b'{"id":1,"code":"A"}'], Options(codes="own"), "invoices")

    assert rows.create(body) == row
    assert rows.page(1, 2)[0] == [row]


def test_server_assigned_codes_are_unique() -> None:
    """A code that was inserted by hand is not assigned again."""
    rows = RecordList((), Options(codes="own", spelling="pascal"), "purchase-orders")
    rows.insert({"code": "PUR-000002"})

    created = [decode_json(rows.create(b'{"code":"A"}')) for _ in range(2)]

    assert created == [{"Id": 2, "Code": "PUR-000003"}, {"Id": 3, "Code": "PUR-000004"}]


@pytest.mark.parametrize(
    ("code", "matches"),
    [("A", [CODED[0], CODED[2]]), ("B", [CODED[1]]), ("C", []), ("", []), (None, []), ([], [])],
)
def test_index_finds_all_rows_with_a_code(code: object, matches: list[bytes]) -> None:
    """All rows with the code are found in any spelling of its name; without a code none are."""
    assert CodeIndex(CODED).rows_with(code) == matches


def test_index_of_an_added_row() -> None:
    """A row that is added later is found too; a code that is not text is ignored."""
    index = CodeIndex(CODED)

    index.add_row(b'{"id":5,"code":"C"}')
    index.add_row(b'{"id":6,"code":["C"]}')

    assert index.rows_with("C") == [b'{"id":5,"code":"C"}']


def test_free_code() -> None:
    """A free code has the given number, or the first one after it that no row has."""
    index = CodeIndex([b'{"code":"INV-000007"}', b'{"code":"INV-000008"}'])

    assert [index.find_free_code("INV", number) for number in (6, 7, 8)] == [
        *("INV-000006", "INV-000009", "INV-000009")
    ]


def _read_ids(send: SendRequest, sandbox: Sandbox) -> list[int]:
    return [row["id"] for row in send(sandbox, "invoices?page_size=500").json()["data"]]


@pytest.mark.parametrize(
    ("order", "ids"),
    [("ascending", [*range(1, 41), 41, 42]), ("descending", [42, 41, *range(40, 0, -1)])],
)
def test_order_by_id(send: SendRequest, order: str, ids: list[int]) -> None:
    """Rows are ordered by id; posted and inserted ones are placed with the newest."""
    with Sandbox(invoices=40, order=order) as sandbox:
        send(sandbox, "invoices", "POST", json={"code": "NEW"})
        sandbox.books["invoices"].insert({"code": "NEWER"})

        assert _read_ids(send, sandbox) == ids
        assert sandbox.books["invoices"].ids() == ids


@pytest.mark.parametrize(("order", "newest"), [("date", -1), ("newest_date", 0)])
def test_order_by_date(send: SendRequest, order: str, newest: int) -> None:
    """Rows are ordered by date; one of an earlier day is put between, one without is the newest."""
    with Sandbox(invoices=40, order=order, limit=0) as sandbox:
        send(sandbox, "vendors", "POST", json={"date_created": "2024-01-01T00:00:00Z"})
        send(sandbox, "vendors", "POST", json={})
        rows = send(sandbox, "vendors?page_size=500").json()["data"]

    undated = rows.pop(newest)
    dates = [row["date_created"] for row in rows]
    assert undated == {"id": undated["id"]}
    assert dates == sorted(dates, reverse=order == "newest_date")
    assert dates.index("2024-01-01T00:00:00Z") not in {0, len(dates) - 1}


def test_no_order(send: SendRequest) -> None:
    """Rows are shuffled, in each sandbox the same way; new ones appear anywhere."""
    orders = []
    for _ in range(2):
        with Sandbox(invoices=40, order="none") as sandbox:
            first = _read_ids(send, sandbox)
            for _ in range(6):
                sandbox.books["invoices"].insert({})
            orders.append((first, _read_ids(send, sandbox)))

    (first, later), again = orders
    assert (first, later) == again
    assert sorted(first) == list(range(1, 41)) != first
    assert [each for each in later if each <= 40] == first
    assert len({later.index(new) for new in range(41, 47)} - {0, *range(40, 46)}) > 2


def test_no_order_with_another_seed() -> None:
    """Another seed shuffles the rows in another way."""
    one, other = (Sandbox(invoices=40, order="none", seed=seed) for seed in (7, 8))

    assert one.books["invoices"].ids() != other.books["invoices"].ids()


@pytest.mark.parametrize("order", ORDERS)
def test_hand_written_rows_keep_their_order(send: SendRequest, order: str) -> None:
    """Hand-written rows stay in the given order, and a given position is used."""
    data: dict[str, list[dict[str, Any]]] = {"invoices": [{"id": 7}, {"id": 2}, {"id": 5}]}
    with Sandbox(data=data, order=order) as sandbox:
        sandbox.books["invoices"].insert({"id": 9}, at=1)

        assert _read_ids(send, sandbox) == [7, 9, 2, 5]


def test_json_without_loss() -> None:
    """Decimals are written digit by digit and parsed as decimals."""
    raw = encode_json({"total": Decimal("0.10"), "name": "Ñandú"})

    assert raw == '{"total":0.10,"name":"Ñandú"}'.encode()
    assert decode_json(raw)["total"] == Decimal("0.10")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object()])
def test_value_without_a_json_form(value: object) -> None:
    """A value that JSON can't hold is an error, not some text."""
    with pytest.raises(TypeError):
        encode_json({"total": value})


def test_record_without_an_id() -> None:
    """A record without an id has None."""
    assert get_id({"identity": 1}) is None
