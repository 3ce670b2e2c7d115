"""Adoption of new fields as columns, and the loads that follow it."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests.moved_books import move_books
from tests.staging_sync import sync_vendors

from p4books.endpoints.vendors import VENDORS
from p4books.errors import UsageError
from p4books.load.evolution import AdoptedField, adopt_field
from p4books.load.schema import load_unknown_fields
from p4books.publish.model_docs import list_staging_columns
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import SyncSummary
from p4books_sandbox import Sandbox

Hold = Callable[..., None]
Row = tuple[Any, ...]

DAY = date(2026, 3, 31)


def books() -> dict[str, list[dict[str, Any]]]:
    """Return three vendors, two of them with unknown fields."""
    return {
        "vendors": [
            {"id": 1, "name": "one", "PONumber": 7, "since": "2026-03-31", "gone": True},
            {"id": 2, "name": "two", "PONumber": "N/A", "balance": 1.23456789},
            {"id": 3, "name": "three"},
        ]
    }


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(data=books(), limit=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after two syncs, between which the name of vendor 1 was changed."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with pytest.MonkeyPatch.context() as patch, Sandbox(data=books(), limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
        settings = Settings(
            tenant="acme",
            api_key=SecretStr(sandbox.key),
            base_url=sandbox.base_url,
            data_dir=folder,
            requests_per_window=100_000,
        )
        sandbox.books["vendors"].replace(1, name="before")
        sync_vendors(settings)
        sandbox.books["vendors"].replace(1, name="one")
        sync_vendors(settings)
    return folder


@pytest.fixture
def offline(tmp_path: Path) -> Settings:
    """Settings of a tenant whose P4 Books is never asked."""
    return Settings(tenant="acme", data_dir=tmp_path / "data")


@pytest.fixture
def copied(offline: Settings, first_copy: Path) -> Settings:
    """Settings of a tenant that was synced twice, for tests without another sync."""
    shutil.copytree(first_copy, offline.data_dir)
    return offline


@pytest.fixture
def synced(settings: Settings, first_copy: Path) -> Settings:
    """Settings of a tenant that was synced twice, and of its sandbox."""
    shutil.copytree(first_copy, settings.data_dir)
    move_books(settings.warehouse, settings.address)
    return settings


def select(settings: Settings, columns: str) -> list[Row]:
    with borrow_reader(settings.warehouse) as con:
        order = "order by id, _dlt_valid_from"
        return con.execute(f"select {columns} from raw.vendors {order}").fetchall()


def count_changes(summary: SyncSummary) -> tuple[int, int, int]:
    """Return how many rows were new, changed and gone."""
    assert summary.faults == []
    return summary.sum("new"), summary.sum("changed"), summary.sum("gone")


def test_adopt(copied: Settings) -> None:
    """The column has the field's value in every version, closed ones too; the rest is unchanged."""
    before = select(copied, "id, name, row_hash, _dlt_valid_from, _dlt_valid_to")

    done = adopt_field(copied, "vendors.since")

    assert done == AdoptedField("vendors", "since", "day", versions=4, values=2, misfits=0)
    assert select(copied, "id, since") == [("1", DAY), ("1", DAY), ("2", None), ("3", None)]
    extras = [extra and sorted(json.loads(extra)) for (extra,) in select(copied, "extra")]
    assert extras == [["gone", "po_number"]] * 2 + [["balance", "po_number"], None]
    assert select(copied, "id, name, row_hash, _dlt_valid_from, _dlt_valid_to") == before


def test_what_does_not_fit(copied: Settings) -> None:
    """A value that does not fit the type is kept in the misfits of its version."""
    done = adopt_field(copied, "Vendors.PONumber", "count")

    assert done == AdoptedField("vendors", "po_number", "count", versions=4, values=2, misfits=1)
    assert select(copied, "id, po_number") == [("1", 7), ("1", 7), ("2", None), ("3", None)]
    ((misfits, extra),) = [row[1:] for row in select(copied, "id, misfits, extra") if row[0] == "2"]
    assert {"field": "po_number", "value": "N/A"} in json.loads(misfits)
    assert json.loads(extra) == {"balance": "1.23456789"}


def test_no_version_is_made(synced: Settings, sandbox: Sandbox) -> None:
    """The next sync finds no change and publishes the column; the one after has nothing to do."""
    adopt_field(synced, "vendors.po_number", "count")
    adopt_field(synced, "vendors.since")
    before = select(synced, "* exclude (gone)")

    first, second = sync_vendors(synced), sync_vendors(synced)
    with borrow_reader(synced.published) as con:
        now = con.execute("select since from staging.vendors order by vendor_id").fetchall()
        ever = con.execute("select count(since) from staging.vendors_history").fetchall()

    assert [count_changes(first), count_changes(second)] == [(0, 0, 0)] * 2
    assert [first.published, second.published] == [True, False]
    assert select(synced, "* exclude (gone)") == before
    assert (now, ever) == ([(DAY,), (None,), (None,)], [(2,)])


def test_another_spelling(synced: Settings, sandbox: Sandbox) -> None:
    """Another spelling of an adopted field makes no version, misfits included."""
    adopt_field(synced, "vendors.po_number", "count")
    before = "PONumber"

    for spelling in ("ponumber", "PO_Number", "poNumber"):
        for number, value in ((1, 7), (2, "N/A")):
            sandbox.books["vendors"].replace(number, **{before: None, spelling: value})
        before = spelling

        assert count_changes(sync_vendors(synced)) == (0, 0, 0), spelling


def test_digits_that_do_not_fit(synced: Settings, sandbox: Sandbox) -> None:
    """A number with too many digits is rounded, and kept whole in `extra`, as in a load."""
    sandbox.books["vendors"].replace(2, PONumber=None, rate=0.12345678, a=0.87654321)
    sync_vendors(synced)
    adopt_field(synced, "vendors.rate", "measure")
    adopt_field(synced, "vendors.a", "measure")
    rate, extra = select(synced, "rate, extra")[-2]
    assert (rate, json.loads(extra)) == (
        Decimal("0.123457"),
        {"balance": "1.23456789", "rate": "0.12345678", "a": "0.87654321"},
    )
    sandbox.books["vendors"].replace(2, rate=None, RATE="0.12345678")

    assert count_changes(sync_vendors(synced)) == (0, 0, 0)
    assert "rate" not in {each.field for each in load_unknown_fields(synced.warehouse)}


def test_later_loads(synced: Settings, sandbox: Sandbox) -> None:
    """dlt fills the column in later loads, of changed and of new rows, and empties no value."""
    adopt_field(synced, "vendors.po_number", "count")
    adopt_field(synced, "vendors.since")
    vendors = sandbox.books["vendors"]
    vendors.replace(2, PONumber=8)
    vendors.replace(3, since="2026-01-01")
    vendors.insert({"id": 4, "PONumber": 9, "since": "2026-02-01", "colour": "red"})

    summary = sync_vendors(synced)

    assert count_changes(summary) == (1, 2, 0)
    assert ["colour" in note for note in summary.notes] == [True]
    assert select(synced, "id, po_number, since, _dlt_valid_to is null") == [
        ("1", 7, DAY, False),
        ("1", 7, DAY, True),
        ("2", None, None, False),
        ("2", 8, None, True),
        ("3", None, None, False),
        ("3", None, date(2026, 1, 1), True),
        ("4", 9, date(2026, 2, 1), True),
    ]
    vendors.delete(4)
    assert count_changes(sync_vendors(synced)) == (0, 0, 1)
    assert select(synced, "po_number, _dlt_valid_to is null")[-1] == (9, False)


def test_load_between_two_adoptions(synced: Settings, sandbox: Sandbox) -> None:
    """A field adopted after a load becomes a column, too; adopted fields are not unknown."""
    adopt_field(synced, "vendors.since")
    sandbox.books["vendors"].replace(3, since="2026-01-01")
    summary = sync_vendors(synced)
    unknown = {each.field for each in load_unknown_fields(synced.warehouse)}
    adopt_field(synced, "vendors.po_number", "text")
    sandbox.books["vendors"].replace(3, PONumber="x")

    assert (summary.notes, unknown) == ([], {"gone", "po_number"})
    assert count_changes(sync_vendors(synced)) == (0, 1, 0)
    assert select(synced, "po_number, since")[-1] == ("x", date(2026, 1, 1))


def test_widened_column(synced: Settings, sandbox: Sandbox) -> None:
    """dlt fills a widened column with all digits, and none was lost before."""
    vendors = sandbox.books["vendors"]
    vendors.replace(3, rate=1.2345)
    sync_vendors(synced)
    adopt_field(synced, "vendors.rate", "money")
    vendors.replace(2, rate=2.5)
    sync_vendors(synced)
    adopt_field(synced, "vendors.rate", "measure")
    vendors.replace(1, rate=3.456789)

    summary = sync_vendors(synced)

    assert count_changes(summary) == (0, 1, 0)
    current = "rate::varchar, extra, _dlt_valid_to is null"
    found = [rate for rate, _, now in select(synced, current) if now]
    assert found == ["3.456789", "2.500000", "1.234500"]
    assert count_changes(sync_vendors(synced)) == (0, 0, 0)


def test_adopted_again(synced: Settings, sandbox: Sandbox) -> None:
    """A field adopted again gets what came in between, and keeps its earlier values."""
    adopt_field(synced, "vendors.since")
    with duckdb.connect(synced.warehouse) as con:
        con.execute("delete from raw.adopted")
    sandbox.books["vendors"].replace(3, since="2026-01-01")
    sync_vendors(synced)
    assert select(synced, "since, extra")[-1] == (None, '{"since":"2026-01-01"}')

    adopt_field(synced, "vendors.since")

    found = [since for (since,) in select(synced, "since")]
    assert found == [DAY, DAY, None, None, date(2026, 1, 1)]
    assert select(synced, "extra")[-1] == (None,)
    assert count_changes(sync_vendors(synced)) == (0, 0, 0)


WRONG = {
    "vendors": "'vendors' is not of the form ENDPOINT.FIELD",
    "vendors.": "is not of the form ENDPOINT.FIELD",
    "vendor.since": r"Unknown endpoint 'vendor'. Did you mean 'vendors'\?",
    "vendors.sinse": r"Unknown vendors field 'sinse'. Did you mean 'since'\?",
    "vendors.tax_id": "vendors.tax_id is already a column. Nothing was changed",
    "vendors.TaxId": "vendors.tax_id is already a column",
    "vendors.gone": "vendors.gone can't be a column",
    "products.since": "All fields that P4 Books returns for products are already columns",
}


@pytest.mark.parametrize("name", ["verified_at", "created_at", "vendor_name", "valid_from"])
def test_name_of_a_published_column(copied: Settings, name: str) -> None:
    """A field whose name is that of a published column is rejected."""
    with duckdb.connect(copied.warehouse) as con:
        con.execute(f"update raw.vendors set extra = '{{\"{name}\":\"x\"}}' where id = '1'")

    with pytest.raises(UsageError, match="can't be a column"):
        adopt_field(copied, f"vendors.{name}", list_reserved=list_staging_columns)


@pytest.mark.parametrize("word", WRONG)
def test_rejected(copied: Settings, word: str) -> None:
    """An impossible adoption raises an error, and the warehouse is unchanged."""
    before = copied.warehouse.read_bytes()

    with pytest.raises(UsageError, match=WRONG[word]):
        adopt_field(copied, word)

    assert copied.warehouse.read_bytes() == before


def test_no_value_fits(copied: Settings) -> None:
    """A type that no value fits is rejected: it would hide all the values."""
    before = copied.warehouse.read_bytes()

    with pytest.raises(
        UsageError, match=r"None of the 2 values of vendors\.since fits the type count"
    ):
        adopt_field(copied, "vendors.since", "count")

    assert copied.warehouse.read_bytes() == before


def test_corrected_type(copied: Settings) -> None:
    """A field adopted as the wrong type can get another one: what did not fit comes back."""
    adopt_field(copied, "vendors.po_number", "count")

    done = adopt_field(copied, "vendors.po_number", "text")

    assert done == AdoptedField("vendors", "po_number", "text", versions=4, values=3, misfits=0)
    assert select(copied, "id, po_number") == [("1", "7"), ("1", "7"), ("2", "N/A"), ("3", None)]


def test_twice(copied: Settings) -> None:
    """A field can be adopted only once, unless its type changes."""
    adopt_field(copied, "vendors.since")

    with pytest.raises(UsageError, match="is already a column"):
        adopt_field(copied, "vendors.since")


def test_no_warehouse(offline: Settings) -> None:
    """Before the first sync there is nothing to adopt, and nothing is created."""
    with pytest.raises(UsageError, match=r"no warehouse yet.*Run `p4books sync` first"):
        adopt_field(offline, "vendors.since")

    assert not offline.data_dir.exists()


def test_generation(copied: Settings) -> None:
    """The warehouse before the adoption is kept as a generation."""
    before = copied.warehouse.read_bytes()

    adopt_field(copied, "vendors.since")

    kept = sorted((copied.private / "generations").iterdir())
    assert kept[-1].read_bytes() == before
    assert not (copied.private / "work").exists()


def test_two_spellings_in_one_row(offline: Settings, hold: Hold, warehouse: Path) -> None:
    """If a row has a field in two spellings, one goes to the column and one stays in `extra`."""
    hold(VENDORS, '{"colour_code":"A","colourcode":"B","id":3}')
    offline.private.mkdir(parents=True)
    warehouse.rename(offline.warehouse)

    adopt_field(offline, "vendors.colour_code")

    ((code, extra),) = select(offline, "colour_code, extra")
    assert (code, json.loads(extra)) == ("A", {"colourcode": "B"})
