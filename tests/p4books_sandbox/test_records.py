"""What stands in a list?"""

from decimal import Decimal

import pytest

from p4books_sandbox import Options
from p4books_sandbox.store import RecordList, decode, encode, id_of


@pytest.fixture
def rows() -> RecordList:
    """A list of three."""
    return RecordList([b'{"id":1}', b'{"id":2,"total":10.70}', b'{"id":3}'])


def test_a_page_and_the_total(rows: RecordList) -> None:
    """A page is a slice of the rows as they were encoded, with the number of all."""
    assert rows.page(1, 3) == ([b'{"id":2,"total":10.70}', b'{"id":3}'], 3)
    assert rows.page(3, 6) == ([], 3)
    assert len(rows) == 3


def test_insert_at_the_end(rows: RecordList) -> None:
    """A record without id gets the next one and stands last."""
    assert rows.insert({"name": "new"}) == 4
    assert rows.records()[-1] == {"id": 4, "name": "new"}


def test_insert_at_the_front(rows: RecordList) -> None:
    """A list can grow at its front; its ids go on from the highest."""
    rows.insert({"name": "new"}, at=0)

    assert rows.ids() == [4, 1, 2, 3]


@pytest.mark.parametrize(
    ("record", "record_id"),
    [({"Id": 9}, 9), ({"ID": "4f7c-uuid"}, "4f7c-uuid"), ({"id": 9, "Total": "1,000.00"}, 9)],
)
def test_insert_any_shape(rows: RecordList, record: dict[str, object], record_id: object) -> None:
    """A hand-written record stands as it was written, and its id is found."""
    assert rows.insert(record) == record_id
    assert rows.records()[-1] == record


def test_insert_without_number(rows: RecordList) -> None:
    """A record may be left without id."""
    assert rows.insert({"name": "new"}, number=False) is None
    assert rows.records()[-1] == {"name": "new"}


def test_next_id_is_above_the_highest(rows: RecordList) -> None:
    """An id given by hand lifts the ids that follow; a deleted one is not given again."""
    rows.insert({"id": 40})
    rows.insert({"id": 5})
    rows.delete(40)

    assert rows.insert({}) == 41


def test_replace_keeps_the_place(rows: RecordList) -> None:
    """Changed fields change, the others and the row's place stay."""
    rows.replace(2, status="Paid")

    assert rows.records()[1] == {"id": 2, "total": 10.7, "status": "Paid"}


def test_replace_keeps_every_figure(rows: RecordList) -> None:
    """An amount beyond what a float holds is not bent when another field changes."""
    rows.insert({"id": 5, "total": Decimal("1234567890123456.78")})

    rows.replace(5, status="Paid")

    assert rows.page(3, 4)[0] == [b'{"id":5,"total":1234567890123456.78,"status":"Paid"}']


def test_overwrite(rows: RecordList) -> None:
    """Another record can take a record's place, with another id too."""
    rows.overwrite(2, {"id": 7})

    assert rows.ids() == [1, 7, 3]
    assert rows.records()[1] == {"id": 7}


def test_delete_moves_up(rows: RecordList) -> None:
    """What stood after a deleted record moves one place up."""
    rows.delete(1)

    assert rows.ids() == [2, 3]
    assert rows.page(0, 1) == ([b'{"id":2,"total":10.70}'], 2)


def test_what_is_not_there(rows: RecordList) -> None:
    """Changing or deleting a record that is not there is an error with its id."""
    for act in (rows.replace, rows.delete, lambda record_id: rows.overwrite(record_id, {})):
        with pytest.raises(KeyError, match="no record with id 99"):
            act(99)


def test_hidden_rows_follow_every_change() -> None:
    """Whatever changes a list, the rows listed and the total are those of now."""
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


def test_the_first_with_a_code() -> None:
    """Of the rows with a code the one that stands first is found; nothing is never sought."""
    rows = RecordList(options=Options(order="descending"))

    older, newer = (rows.create(b'{"code":"A"}') for _ in range(2))

    assert (rows.with_code("A"), rows.page(0, 9)[0]) == (newer, [newer, older])
    assert (rows.with_code("B"), rows.with_code(None)) == (None, None)


def test_codes_follow_every_change(rows: RecordList) -> None:
    """Whatever changes a list, the codes found are those of now."""
    found = [rows.with_code("A")]

    for change in (
        lambda: rows.insert({"id": 4, "code": "A"}),
        lambda: rows.replace(4, code="B"),
        lambda: rows.create(b'{"code":"A"}'),
        lambda: rows.overwrite(5, {"id": 5}),
        lambda: rows.replace(1, code="A"),
        lambda: rows.delete(1),
    ):
        change()
        found.append(rows.with_code("A"))

    assert [id_of(decode(row)) if row else None for row in found] == [
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
def test_create_keeps_what_was_written(rows: RecordList, body: bytes, row: bytes) -> None:
    """A posted record is kept figure by figure, behind its new id."""
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
def test_a_server_that_numbers_itself(body: bytes, row: bytes) -> None:
    """Whatever code is posted, the record has the server's; its figures stay as written."""
    rows = RecordList([b'{"id":1,"code":"A"}'], Options(codes="own"), "invoices")

    assert rows.create(body) == row
    assert rows.page(1, 2)[0] == [row]


def test_its_codes_are_unique() -> None:
    """A code that was put in by hand is not given again."""
    rows = RecordList((), Options(codes="own", spelling="pascal"), "purchase-orders")
    rows.insert({"code": "PUR-000002"})

    made = [decode(rows.create(b'{"code":"A"}')) for _ in range(2)]

    assert made == [{"Id": 2, "Code": "PUR-000003"}, {"Id": 3, "Code": "PUR-000004"}]


def test_json_without_loss() -> None:
    """Decimals are written as they are and read back as decimals."""
    raw = encode({"total": Decimal("0.10"), "name": "Ñandú"})

    assert raw == '{"total":0.10,"name":"Ñandú"}'.encode()
    assert decode(raw)["total"] == Decimal("0.10")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object()])
def test_what_json_cannot_say(value: object) -> None:
    """What JSON has no way to say is an error, not some text."""
    with pytest.raises(TypeError):
        encode({"total": value})


def test_no_id() -> None:
    """A record without id has none."""
    assert id_of({"identity": 1}) is None
