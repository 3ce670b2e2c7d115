"""Delta of a scan against the warehouse."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.p4books.load.conftest import Comparison, Hold, Open, Write

from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.extract.page import Page, parse_page
from p4books.extract.spool import Spool
from p4books.load.delta import Delta, compare_scan, open_copy
from p4books.load.schema import (
    create_tables,
    table_columns,
)


def counts(delta: Delta) -> tuple[int, int, int, int]:
    """Return the rows seen, new, changed and gone."""
    return delta.seen, delta.new, delta.changed, delta.gone


def test_first_copy(open_warehouse: Open) -> None:
    """In an empty warehouse every row is new."""
    delta = open_warehouse().compare(PRODUCTS, ['{"id":2,"price":25.0}'], ['{"id":1,"name":"ñ"}'])

    assert (counts(delta), delta.versions, delta.changes) == ((2, 2, 0, 0), 2, True)


def test_no_warehouse_yet(write: Write, tmp_path: Path) -> None:
    """The very first run has no warehouse to compare with."""
    with open_copy(tmp_path / "none.duckdb", tmp_path / "copy.duckdb") as con:
        comparison = Comparison(con, write)
        delta = comparison.compare(INVOICES, ['{"id":1,"total":5,"lines":[{"price":1}]}'])
        rows = comparison.rows(delta)

    assert [(row["id"], row["total"], row["lines"]) for row in rows] == [
        ("1", Decimal(5), '[{"price":1}]')
    ]
    assert not (tmp_path / "none.duckdb").exists()


def test_unchanged(open_warehouse: Open, hold: Hold) -> None:
    """Unchanged rows make no delta, whatever page they are on."""
    hold(PRODUCTS, '{"id":1,"price":25.0}', '{"id":2}')

    delta = open_warehouse().compare(PRODUCTS, ['{"id":2}'], ['{"id":1,"price":25.0}'])

    assert (counts(delta), delta.missed, delta.changes) == ((2, 0, 0, 0), False, False)


def test_new_changed_and_gone(open_warehouse: Open, hold: Hold) -> None:
    """dlt is sent the new row, the changed one as it is now, and a tombstone."""
    hold(PRODUCTS, *(f'{{"id":{n},"price":1}}' for n in (1, 2, 3)))
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1,"price":1}', '{"id":2,"price":2}', '{"id":4}'])

    assert counts(delta) == (3, 1, 1, 1)
    assert [(row["id"], row["price"], row["gone"]) for row in comparison.rows(delta)] == [
        ("2", Decimal(2), False),
        ("3", None, True),
        ("4", None, False),
    ]
    assert list(comparison.rows(delta)[0]) == list(table_columns(PRODUCTS))


def test_returned(open_warehouse: Open, hold: Hold, warehouse: Path) -> None:
    """A row that was closed and returns unchanged is new."""
    hold(PRODUCTS, '{"id":1,"price":1}')
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.products set _dlt_valid_to = now()")

    delta = open_warehouse().compare(PRODUCTS, ['{"id":1,"price":1}'])

    assert counts(delta) == (1, 1, 0, 0)


def test_row_seen_twice(open_warehouse: Open, hold: Hold) -> None:
    """A row that came on two pages counts once, as it was on the one read last."""
    hold(PRODUCTS, '{"id":1,"price":1}')
    comparison = open_warehouse()

    delta = comparison.compare(
        PRODUCTS, ['{"id":1,"price":2}', '{"id":5,"price":9}'], ['{"id":5}', '{"id":1,"price":3}']
    )

    assert counts(delta) == (2, 1, 1, 0)
    assert [(row["id"], row["price"]) for row in comparison.rows(delta)] == [
        ("1", Decimal(3)),
        ("5", None),
    ]


def test_seen_twice_and_back(open_warehouse: Open, hold: Hold) -> None:
    """A row that was changed and changed back within one scan makes no version."""
    hold(PRODUCTS, '{"id":1,"price":1}')

    delta = open_warehouse().compare(PRODUCTS, ['{"id":1,"price":2}'], ['{"id":1,"price":1}'])

    assert counts(delta) == (1, 0, 0, 0)


def test_last_seen(open_warehouse: Open) -> None:
    """A row was last seen when the last page that has it was read."""
    comparison = open_warehouse()

    comparison.compare(PRODUCTS, ['{"id":1}', '{"id":2}'], ['{"id":2}'])

    seen = comparison.con.execute("select id, epoch(read_at) from seen_products order by id")
    assert seen.fetchall() == [("1", 1001), ("2", 1002)]


NOTATIONS = ["25.00", '"25.00"', '" 25 "', "2.5e1", '25,"cost":""']


@pytest.mark.parametrize("written", NOTATIONS)
def test_other_notation(open_warehouse: Open, hold: Hold, written: str) -> None:
    """The same values in another notation make no new version."""
    hold(PRODUCTS, '{"id":1,"price":25.0}', '{"id":2,"price":1}')

    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, [f'{{"id":1,"price":{written}}}', '{"id":2,"price":2}'])

    assert (counts(delta), delta.versions) == ((2, 0, 1, 0), 1)
    assert [row["id"] for row in comparison.rows(delta)] == ["2"]
    assert comparison.ids("(from delta_products where kind = 'same')") == ["1"]


LINE = '{"price":5.0,"product_id":1.0},{"price":0.5}'


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        (f'"customer_id":1,"lines":[{LINE}]', 0),
        (f'"customer_id":"1","lines":[{LINE}]', 0),
        ('"customer_id":1.0,"lines":[{"price":5,"product_id":1},{"price":0.5}]', 0),
        (f'"customer_id":10,"lines":[{LINE}]', 1),
        ('"customer_id":1.0,"lines":[{"price":5.0,"product_id":1.0},{"price":0.05}]', 1),
        ('"customer_id":1.0,"lines":[{"price":"5","product_id":1.0},{"price":0.5}]', 1),
    ],
)
def test_whole_numbers(open_warehouse: Open, hold: Hold, written: str, changed: int) -> None:
    """A whole number with or without decimals makes no new version, as a reference or in a line;
    so a warehouse that has references through floats is not versioned anew."""
    hold(INVOICES, f'{{"customer_id":1.0,"id":1,"lines":[{LINE}]}}')

    page = parse_page(f'{{"data":[{{"id":1,{written}}}],"total":1}}'.encode(), INVOICES, 1)
    delta = open_warehouse().compare(INVOICES, [page.records["1"].decode()])

    assert counts(delta) == (1, 0, changed, 0)


def test_text_that_is_none(open_warehouse: Open, hold: Hold) -> None:
    """What was taken for a text becomes a finding, in a new version of its record only."""
    hold(PRODUCTS, '{"id":1,"status":true}', '{"id":2,"status":"true"}')

    body = b'{"data":[{"id":1,"status":true},{"id":2,"status":"true"}],"total":2,"page":1}'
    page = parse_page(body, PRODUCTS, 1)
    comparison = open_warehouse()
    delta = comparison.compare(PRODUCTS, [line.decode() for line in page.records.values()])

    assert counts(delta) == (2, 0, 1, 0)
    (row,) = comparison.rows(delta)
    assert (row["id"], row["status"]) == ("1", None)
    assert json.loads(row["misfits"]) == [{"field": "status", "value": "true"}]


@pytest.mark.parametrize(
    "written",
    ['{"id":1,"price":25.0000001}', '{"id":1,"price":"25 USD"}', '{"id":1,"price":25,"margin":1}'],
    ids=["digit", "misfit", "extra"],
)
def test_other_value(open_warehouse: Open, hold: Hold, written: str) -> None:
    """A digit that is rounded away, a misfit or an unknown field is a new version."""
    hold(PRODUCTS, '{"id":1,"price":25.0}')

    assert counts(open_warehouse().compare(PRODUCTS, [written])) == (1, 0, 1, 0)


def test_lines_changed(open_warehouse: Open, hold: Hold) -> None:
    """A document with a changed line makes a new version, even if its header is unchanged."""
    hold(INVOICES, '{"id":1,"lines":[{"price":1},{"price":2}]}', '{"id":2,"lines":[{"price":1}]}')

    delta = open_warehouse().compare(
        INVOICES, ['{"id":1,"lines":[{"price":1}]}', '{"id":2,"lines":[{"price":1}]}']
    )

    assert counts(delta) == (2, 0, 1, 0)


# Absence


def test_quiet_and_complete(open_warehouse: Open, hold: Hold) -> None:
    """A row missing from a quiet complete scan is gone at once."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1}'])

    assert (counts(delta), delta.missed) == ((1, 0, 0, 1), False)
    assert comparison.ids("missed_products") == []


def test_complete_but_not_quiet(open_warehouse: Open, hold: Hold) -> None:
    """A row missing from a complete scan that is not quiet is remembered, but not gone yet."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert (counts(delta), delta.missed, delta.changes) == ((1, 0, 0, 0), True, True)
    assert comparison.ids("missed_products") == ["2"]


def test_missed_twice(open_warehouse: Open, hold: Hold) -> None:
    """A row missing from two complete scans in a row is gone; one missed once is remembered."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}', '{"id":3}', missed=["2"])
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert (counts(delta), delta.missed) == ((1, 0, 0, 1), True)
    assert [row["id"] for row in comparison.rows(delta)] == ["2"]
    assert comparison.ids("missed_products") == ["3"]


@pytest.mark.parametrize("quiet", [True, False])
def test_missed_and_seen_again(open_warehouse: Open, hold: Hold, quiet: bool) -> None:
    """A missed row that is seen again is no longer missed, and that is stored."""
    hold(PRODUCTS, '{"id":1}', missed=["1"])
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1}'], quiet=quiet)

    assert (counts(delta), delta.missed, delta.changes) == ((1, 0, 0, 0), True, True)
    assert comparison.ids("missed_products") == []


@pytest.mark.parametrize("quiet", [True, False])
def test_incomplete(open_warehouse: Open, hold: Hold, quiet: bool) -> None:
    """An incomplete scan closes no row; what it saw counts, what it missed does not."""
    hold(PRODUCTS, *(f'{{"id":{n}}}' for n in (1, 2, 3)), missed=["1", "2"])
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, ['{"id":1}', '{"id":9}'], complete=False, quiet=quiet)

    assert (counts(delta), delta.missed) == ((2, 1, 0, 0), True)
    assert comparison.ids("missed_products") == ["2"]


def test_missed_rows_of_another_list(open_warehouse: Open, hold: Hold) -> None:
    """A row missed in one list does not count for the same id in another."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    hold(INVOICES, '{"id":2}', missed=["2"])

    delta = open_warehouse().compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert delta.gone == 0


def test_emptied_list(open_warehouse: Open, hold: Hold) -> None:
    """A quiet, complete and empty scan closes all rows."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, [])

    assert counts(delta) == (0, 0, 0, 2)
    rows = comparison.rows(delta)
    assert [(row["id"], row["row_hash"], row["gone"]) for row in rows] == [
        ("1", "gone", True),
        ("2", "gone", True),
    ]
    assert list(rows[0]) == list(table_columns(PRODUCTS))


def test_empty_list(open_warehouse: Open) -> None:
    """A list that is still empty makes no delta."""
    comparison = open_warehouse()

    delta = comparison.compare(PRODUCTS, [], [])

    assert (counts(delta), delta.changes, comparison.rows(delta)) == ((0, 0, 0, 0), False, [])


# Odd fields, ids and folders


def test_unknown_fields(open_warehouse: Open) -> None:
    """Unknown fields of some pages are kept for the rows that have them."""
    comparison = open_warehouse()

    delta = comparison.compare(
        PRODUCTS, ['{"filename":"a.pdf","id":1}', '{"id":2}'], ['{"id":3,"it\'s \\"odd\\"":[1]}']
    )

    extras = [json.loads(row["extra"] or "{}") for row in comparison.rows(delta)]
    assert extras == [{"filename": "a.pdf"}, {}, {'it\'s "odd"': [1]}]


def test_odd_ids(open_warehouse: Open, hold: Hold) -> None:
    """Ids are text: UUIDs, accents, quotes and leading zeros are compared exactly."""
    ids = ["4f7c-a", "é", "a'b", 'a\\"b', "007", "7", "1e3", "1000", "A", "a"]
    hold(PRODUCTS, *(f'{{"id":"{each}"}}' for each in ids))

    delta = open_warehouse().compare(PRODUCTS, [f'{{"id":"{each}","price":1}}' for each in ids])

    assert counts(delta) == (10, 0, 10, 0)


def test_number_and_text(open_warehouse: Open, hold: Hold) -> None:
    """An id that changes from a number to text is the same id."""
    hold(PRODUCTS, '{"id":7}')

    assert counts(open_warehouse().compare(PRODUCTS, ['{"id":"7"}'])) == (1, 0, 0, 0)


@pytest.mark.parametrize("name", ["it's", "a b", "[1]", "*", "ñ", "{a}", "%20"])
def test_odd_folders(tmp_path: Path, name: str) -> None:
    """The data folder may have any name."""
    folder = tmp_path / name
    spool = Spool(folder / "spool", {})
    spool.resume(0)
    spool.store(Page(1, 1, 1, {"1": b'{"id":1,"price":2}'}, None), 0)
    create_tables(folder / "warehouse.duckdb", [PRODUCTS])

    with open_copy(folder / "warehouse.duckdb", folder / "copy.duckdb") as con:
        delta = compare_scan(con, PRODUCTS, spool.list_pages(), complete=True, quiet=True)
        rows = con.execute(delta.query).fetchall()

    assert (counts(delta), len(rows)) == ((1, 1, 0, 0), 1)


def test_warehouse_is_unchanged(open_warehouse: Open, hold: Hold, warehouse: Path) -> None:
    """A comparison does not change a byte of the warehouse."""
    hold(PRODUCTS, '{"id":1}')
    before = warehouse.read_bytes()

    open_warehouse().compare(PRODUCTS, ['{"id":2}'])

    assert warehouse.read_bytes() == before


def test_time_zone_of_the_machine(
    open_warehouse: Open, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's time zone changes neither a timestamp nor the comparison."""
    record = '{"date_created":"2026-03-31T23:30:00","document_date":"2026-03-31","id":1}'
    hold(INVOICES, record)
    monkeypatch.setenv("TZ", "America/Panama")
    comparison = open_warehouse()

    delta = comparison.compare(INVOICES, [record.replace("}", ',"status":"Paid"}')])

    (row,) = comparison.rows(delta)
    assert row["date_created"] == datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
