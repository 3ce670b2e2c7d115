"""What is new, changed or gone?"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.extract.page import Page
from p4books.extract.spool import Spool, StoredPage
from p4books.load.delta import Delta, compare_scan, open_comparison
from p4books.load.schema import create_tables, table_columns

Write = Callable[..., list[StoredPage]]
Hold = Callable[..., None]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """A comparison with the warehouse, and a look at what it found."""

    con: duckdb.DuckDBPyConnection
    write: Write

    def compare(
        self,
        endpoint: Endpoint,
        *pages: list[str],
        complete: bool = True,
        quiet: bool = True,
    ) -> Delta:
        """Compare pages of records as JSON text."""
        return compare_scan(self.con, endpoint, self.write(*pages), complete=complete, quiet=quiet)

    def rows(self, found: Delta) -> Rows:
        """Give what dlt would be sent, by id."""
        self.con.execute(f"from ({found.query}) order by id")
        names = [column[0] for column in self.con.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self.con.fetchall()]

    def ids(self, table: str) -> list[str]:
        """Give the ids in one of the comparison's tables."""
        return [
            id_ for (id_,) in self.con.execute(f"select id from {table} order by id").fetchall()
        ]


Open = Callable[[], Desk]


@pytest.fixture
def desk(warehouse: Path, write: Write, tmp_path: Path) -> Iterator[Open]:
    """Open the warehouse for a comparison, once the test has put into it what it holds."""
    with ExitStack() as stack:

        def desk() -> Desk:
            return Desk(stack.enter_context(open_comparison(warehouse, tmp_path)), write)

        yield desk


def counts(found: Delta) -> tuple[int, int, int, int]:
    """Give seen, new, changed and gone."""
    return found.seen, found.new, found.changed, found.gone


def test_first_copy(desk: Open) -> None:
    """Where nothing is held, every row is new, with all its values."""
    found = desk().compare(PRODUCTS, ['{"id":2,"price":25.0}'], ['{"id":1,"name":"ñ"}'])

    assert (counts(found), found.versions, found.changes) == ((2, 2, 0, 0), 2, True)


def test_no_warehouse_yet(write: Write, tmp_path: Path) -> None:
    """The first run of all has no warehouse to compare with."""
    with open_comparison(tmp_path / "none.duckdb", tmp_path) as con:
        desk = Desk(con, write)
        found = desk.compare(INVOICES, ['{"id":1,"total":5,"lines":[{"price":1}]}'])
        rows = desk.rows(found)

    assert [(row["id"], row["total"], row["lines"]) for row in rows] == [
        ("1", Decimal(5), '[{"price":1}]')
    ]
    assert not (tmp_path / "none.duckdb").exists()


def test_unchanged(desk: Open, hold: Hold) -> None:
    """Rows that are as they were change nothing, whatever page they stand on."""
    hold(PRODUCTS, '{"id":1,"price":25.0}', '{"id":2}')

    found = desk().compare(PRODUCTS, ['{"id":2}'], ['{"id":1,"price":25.0}'])

    assert (counts(found), found.missed, found.changes) == ((2, 0, 0, 0), False, False)


def test_new_changed_and_gone(desk: Open, hold: Hold) -> None:
    """What is sent on: the new row, the changed one as it is now, and a tombstone."""
    hold(PRODUCTS, *(f'{{"id":{n},"price":1}}' for n in (1, 2, 3)))
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1,"price":1}', '{"id":2,"price":2}', '{"id":4}'])

    assert counts(found) == (3, 1, 1, 1)
    assert [(row["id"], row["price"], row["gone"]) for row in opened.rows(found)] == [
        ("2", Decimal(2), False),
        ("3", None, True),
        ("4", None, False),
    ]
    assert list(opened.rows(found)[0]) == list(table_columns(PRODUCTS))


def test_returned(desk: Open, hold: Hold, warehouse: Path) -> None:
    """A row that was closed and is back just as it was is new."""
    hold(PRODUCTS, '{"id":1,"price":1}')
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.products set _dlt_valid_to = now()")

    found = desk().compare(PRODUCTS, ['{"id":1,"price":1}'])

    assert counts(found) == (1, 1, 0, 0)


def test_a_row_seen_twice(desk: Open, hold: Hold) -> None:
    """A row that came on two pages counts once, as it stood on the one read last."""
    hold(PRODUCTS, '{"id":1,"price":1}')
    opened = desk()

    found = opened.compare(
        PRODUCTS, ['{"id":1,"price":2}', '{"id":5,"price":9}'], ['{"id":5}', '{"id":1,"price":3}']
    )

    assert counts(found) == (2, 1, 1, 0)
    assert [(row["id"], row["price"]) for row in opened.rows(found)] == [
        ("1", Decimal(3)),
        ("5", None),
    ]


def test_seen_twice_and_back(desk: Open, hold: Hold) -> None:
    """A row that was changed and changed back within one scan made no version."""
    hold(PRODUCTS, '{"id":1,"price":1}')

    found = desk().compare(PRODUCTS, ['{"id":1,"price":2}'], ['{"id":1,"price":1}'])

    assert counts(found) == (1, 0, 0, 0)


def test_when_a_row_was_seen(desk: Open) -> None:
    """Each row's instant is that of the last page that held it."""
    opened = desk()

    opened.compare(PRODUCTS, ['{"id":1}', '{"id":2}'], ['{"id":2}'])

    seen = opened.con.execute("select id, epoch(read_at) from seen_products order by id")
    assert seen.fetchall() == [("1", 1001), ("2", 1002)]


SPELLINGS = ["25.00", '"25.00"', '" 25 "', "2.5e1", '25,"cost":""']


@pytest.mark.parametrize("told", SPELLINGS)
def test_another_spelling(desk: Open, hold: Hold, told: str) -> None:
    """The same values in another spelling are no new version."""
    hold(PRODUCTS, '{"id":1,"price":25.0}', '{"id":2,"price":1}')

    opened = desk()

    found = opened.compare(PRODUCTS, [f'{{"id":1,"price":{told}}}', '{"id":2,"price":2}'])

    assert (counts(found), found.versions) == ((2, 0, 1, 0), 1)
    assert [row["id"] for row in opened.rows(found)] == ["2"]
    assert opened.ids("(from delta_products where kind = 'same')") == ["1"]


@pytest.mark.parametrize(
    "told",
    ['{"id":1,"price":25.0000001}', '{"id":1,"price":"25 USD"}', '{"id":1,"price":25,"margin":1}'],
    ids=["digit", "misfit", "extra"],
)
def test_no_mere_spelling(desk: Open, hold: Hold, told: str) -> None:
    """A digit that is rounded away, a misfit or an unknown field is a new version."""
    hold(PRODUCTS, '{"id":1,"price":25.0}')

    assert counts(desk().compare(PRODUCTS, [told])) == (1, 0, 1, 0)


def test_lines_changed(desk: Open, hold: Hold) -> None:
    """A document whose line changed is a new version, its header be the same."""
    hold(INVOICES, '{"id":1,"lines":[{"price":1},{"price":2}]}', '{"id":2,"lines":[{"price":1}]}')

    found = desk().compare(
        INVOICES, ['{"id":1,"lines":[{"price":1}]}', '{"id":2,"lines":[{"price":1}]}']
    )

    assert counts(found) == (2, 0, 1, 0)


# Absence


def test_quiet_and_complete(desk: Open, hold: Hold) -> None:
    """A row that a quiet complete scan lacks is gone at once, and nothing is remembered."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1}'])

    assert (counts(found), found.missed) == ((1, 0, 0, 1), False)
    assert opened.ids("missed_products") == []


def test_complete_but_not_quiet(desk: Open, hold: Hold) -> None:
    """A row that a scan lacks while the list moved is remembered, and not yet gone."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert (counts(found), found.missed, found.changes) == ((1, 0, 0, 0), True, True)
    assert opened.ids("missed_products") == ["2"]


def test_missed_twice(desk: Open, hold: Hold) -> None:
    """A row missed by two complete scans in a row is gone; one missed once more is remembered."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}', '{"id":3}', missed=["2"])
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert (counts(found), found.missed) == ((1, 0, 0, 1), True)
    assert [row["id"] for row in opened.rows(found)] == ["2"]
    assert opened.ids("missed_products") == ["3"]


@pytest.mark.parametrize("quiet", [True, False])
def test_missed_and_seen_again(desk: Open, hold: Hold, quiet: bool) -> None:
    """A row that was missed and is there again is missed no longer, and that is written down."""
    hold(PRODUCTS, '{"id":1}', missed=["1"])
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1}'], quiet=quiet)

    assert (counts(found), found.missed, found.changes) == ((1, 0, 0, 0), True, True)
    assert opened.ids("missed_products") == []


@pytest.mark.parametrize("quiet", [True, False])
def test_incomplete(desk: Open, hold: Hold, quiet: bool) -> None:
    """An incomplete scan calls nothing gone; what it saw counts, what it missed says nothing."""
    hold(PRODUCTS, *(f'{{"id":{n}}}' for n in (1, 2, 3)), missed=["1", "2"])
    opened = desk()

    found = opened.compare(PRODUCTS, ['{"id":1}', '{"id":9}'], complete=False, quiet=quiet)

    assert (counts(found), found.missed) == ((2, 1, 0, 0), True)
    assert opened.ids("missed_products") == ["2"]


def test_missed_rows_of_another_list(desk: Open, hold: Hold) -> None:
    """What was missed in one list says nothing of the same id in another."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    hold(INVOICES, '{"id":2}', missed=["2"])

    found = desk().compare(PRODUCTS, ['{"id":1}'], quiet=False)

    assert found.gone == 0


def test_an_emptied_list(desk: Open, hold: Hold) -> None:
    """A list that is quiet, complete and empty closes all its rows."""
    hold(PRODUCTS, '{"id":1}', '{"id":2}')
    opened = desk()

    found = opened.compare(PRODUCTS, [])

    assert counts(found) == (0, 0, 0, 2)
    rows = opened.rows(found)
    assert [(row["id"], row["row_hash"], row["gone"]) for row in rows] == [
        ("1", "gone", True),
        ("2", "gone", True),
    ]
    assert list(rows[0]) == list(table_columns(PRODUCTS))


def test_an_empty_list(desk: Open) -> None:
    """A list that is empty and was empty changes nothing."""
    opened = desk()

    found = opened.compare(PRODUCTS, [], [])

    assert (counts(found), found.changes, opened.rows(found)) == ((0, 0, 0, 0), False, [])


# Odd things


def test_unknown_fields(desk: Open) -> None:
    """Fields that only some of the pages have are kept for the rows that have them."""
    opened = desk()

    found = opened.compare(
        PRODUCTS, ['{"filename":"a.pdf","id":1}', '{"id":2}'], ['{"id":3,"it\'s \\"odd\\"":[1]}']
    )

    extras = [json.loads(row["extra"] or "{}") for row in opened.rows(found)]
    assert extras == [{"filename": "a.pdf"}, {}, {'it\'s "odd"': [1]}]


def test_odd_ids(desk: Open, hold: Hold) -> None:
    """Ids are text: UUIDs, accents, quotes and leading zeros are told apart and compared."""
    ids = ["4f7c-a", "é", "a'b", 'a\\"b', "007", "7", "1e3", "1000", "A", "a"]
    hold(PRODUCTS, *(f'{{"id":"{each}"}}' for each in ids))

    found = desk().compare(PRODUCTS, [f'{{"id":"{each}","price":1}}' for each in ids])

    assert counts(found) == (10, 0, 10, 0)


def test_number_and_text(desk: Open, hold: Hold) -> None:
    """An id that turns from a number into text is the same id."""
    hold(PRODUCTS, '{"id":7}')

    assert counts(desk().compare(PRODUCTS, ['{"id":"7"}'])) == (1, 0, 0, 0)


@pytest.mark.parametrize("name", ["it's", "a b", "[1]", "*", "ñ", "{a}", "%20"])
def test_odd_folders(tmp_path: Path, name: str) -> None:
    """The folder of the data may have any name."""
    folder = tmp_path / name
    spool = Spool(folder / "spool", {})
    spool.resume(0)
    spool.store(Page(1, 1, 1, {"1": b'{"id":1,"price":2}'}, None), 0)
    create_tables(folder / "warehouse.duckdb", [PRODUCTS])

    with open_comparison(folder / "warehouse.duckdb", folder) as con:
        found = compare_scan(con, PRODUCTS, spool.list_pages(), complete=True, quiet=True)
        rows = con.execute(found.query).fetchall()

    assert (counts(found), len(rows)) == ((1, 1, 0, 0), 1)


def test_the_warehouse_is_not_written(desk: Open, hold: Hold, warehouse: Path) -> None:
    """A comparison leaves the warehouse byte for byte as it was."""
    hold(PRODUCTS, '{"id":1}')
    before = warehouse.read_bytes()

    desk().compare(PRODUCTS, ['{"id":2}'])

    assert warehouse.read_bytes() == before


def test_days_do_not_depend_on_the_zone(
    desk: Open, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's time zone changes neither an instant nor the comparison."""
    record = '{"date_created":"2026-03-31T23:30:00","document_date":"2026-03-31","id":1}'
    hold(INVOICES, record)
    monkeypatch.setenv("TZ", "America/Panama")
    opened = desk()

    found = opened.compare(INVOICES, [record.replace("}", ',"status":"Paid"}')])

    (row,) = opened.rows(found)
    assert row["date_created"] == datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
