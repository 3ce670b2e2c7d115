"""How does a field that P4 Books added become a column?"""

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
from tests.staging_sync import sync

from p4books.errors import UsageError
from p4books.load.evolution import AdoptedField, adopt_field
from p4books.load.schema import load_unknown_fields
from p4books.settings import Settings
from p4books.storage.run_log import SyncSummary
from p4books_sandbox import Sandbox

MakeSettings = Callable[..., Settings]
Row = tuple[Any, ...]


def books() -> dict[str, list[dict[str, Any]]]:
    """A P4 Books with three vendors, two of whom have fields that nobody knows."""
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
    """The data folder after two syncs, between which the first vendor's name was changed."""
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
        sync(settings)
        sandbox.books["vendors"].replace(1, name="one")
        sync(settings)
    return folder


@pytest.fixture
def synced(settings: Settings, first_copy: Path) -> Settings:
    """Settings of a tenant that was synced twice."""
    shutil.copytree(first_copy, settings.data_dir)
    return settings


def held(settings: Settings, columns: str) -> list[Row]:
    with duckdb.connect(settings.warehouse, read_only=True) as con:
        order = "order by id, _dlt_valid_from"
        return con.execute(f"select {columns} from raw.vendors {order}").fetchall()


def versions(summary: SyncSummary) -> tuple[int, int, int]:
    """Give the rows that were new, changed and gone."""
    assert summary.faults == []
    read = summary.readings
    return sum(r.new for r in read), sum(r.changed for r in read), sum(r.gone for r in read)


def test_adopt(synced: Settings) -> None:
    """The column has the field's value in every version, closed ones too; the rest stays."""
    before = held(synced, "id, name, row_hash, _dlt_valid_from, _dlt_valid_to")

    done = adopt_field(synced, "vendors.since")

    assert done == AdoptedField("vendors", "since", "day", versions=4, values=2, misfits=0)
    day = date(2026, 3, 31)
    assert held(synced, "id, since") == [("1", day), ("1", day), ("2", None), ("3", None)]
    extras = [extra and sorted(json.loads(extra)) for (extra,) in held(synced, "extra")]
    assert extras == [["gone", "po_number"]] * 2 + [["balance", "po_number"], None]
    assert held(synced, "id, name, row_hash, _dlt_valid_from, _dlt_valid_to") == before


def test_what_does_not_fit(synced: Settings) -> None:
    """A value that does not fit the kind is not lost: it is with the misfits of its version."""
    done = adopt_field(synced, "Vendors.PONumber", "count")

    assert done == AdoptedField("vendors", "po_number", "count", versions=4, values=2, misfits=1)
    assert held(synced, "id, po_number") == [("1", 7), ("1", 7), ("2", None), ("3", None)]
    ((misfits, extra),) = [row[1:] for row in held(synced, "id, misfits, extra") if row[0] == "2"]
    assert {"field": "po_number", "value": "N/A"} in json.loads(misfits)
    assert json.loads(extra) == {"balance": "1.23456789"}


def test_no_version_is_made(synced: Settings, sandbox: Sandbox) -> None:
    """The next sync finds every row as it is held, publishes, and the one after has no work."""
    adopt_field(synced, "vendors.po_number", "count")
    adopt_field(synced, "vendors.since")
    before = held(synced, "* exclude (gone)")

    first, second = sync(synced), sync(synced)

    assert [versions(first), versions(second)] == [(0, 0, 0)] * 2
    assert [first.published, second.published] == [True, False]
    assert held(synced, "* exclude (gone)") == before


@pytest.mark.parametrize("spelling", ["ponumber", "PO_Number", "poNumber"])
def test_another_spelling(synced: Settings, sandbox: Sandbox, spelling: str) -> None:
    """A field that is spelled anew once it is a column makes no version, misfits and all."""
    adopt_field(synced, "vendors.po_number", "count")
    for number, value in ((1, 7), (2, "N/A")):
        sandbox.books["vendors"].replace(number, PONumber=None, **{spelling: value})

    assert versions(sync(synced)) == (0, 0, 0)


def test_digits_that_do_not_fit(synced: Settings, sandbox: Sandbox) -> None:
    """A number with too many digits is rounded, and whole in `extra`, as if loaded so."""
    sandbox.books["vendors"].replace(2, PONumber=None, rate=0.12345678, a=0.87654321)
    sync(synced)
    adopt_field(synced, "vendors.rate", "measure")
    adopt_field(synced, "vendors.a", "measure")
    rate, extra = held(synced, "rate, extra")[-2]
    assert (rate, json.loads(extra)) == (
        Decimal("0.123457"),
        {"balance": "1.23456789", "rate": "0.12345678", "a": "0.87654321"},
    )
    sandbox.books["vendors"].replace(2, rate=None, RATE="0.12345678")

    assert versions(sync(synced)) == (0, 0, 0)
    assert "rate" not in {each.field for each in load_unknown_fields(warehouse(synced))}


def warehouse(settings: Settings) -> Path:
    return settings.warehouse


def test_loads_after_it(synced: Settings, sandbox: Sandbox) -> None:
    """dlt fills the column from then on: of what changes and of what is new; nothing is emptied."""
    adopt_field(synced, "vendors.po_number", "count")
    adopt_field(synced, "vendors.since")
    vendors = sandbox.books["vendors"]
    vendors.replace(2, PONumber=8)
    vendors.replace(3, since="2026-01-01")
    vendors.insert({"id": 4, "PONumber": 9, "since": "2026-02-01", "colour": "red"})

    summary = sync(synced)

    assert versions(summary) == (1, 2, 0)
    assert ["colour" in note for note in summary.notes] == [True]
    assert held(synced, "id, po_number, since, _dlt_valid_to is null") == [
        ("1", 7, date(2026, 3, 31), False),
        ("1", 7, date(2026, 3, 31), True),
        ("2", None, None, False),
        ("2", 8, None, True),
        ("3", None, None, False),
        ("3", None, date(2026, 1, 1), True),
        ("4", 9, date(2026, 2, 1), True),
    ]
    vendors.delete(4)
    assert versions(sync(synced)) == (0, 0, 1)
    assert held(synced, "po_number, _dlt_valid_to is null")[-1] == (9, False)


def test_a_load_between_two(synced: Settings, sandbox: Sandbox) -> None:
    """A second field adopted after a load is a column beside the first."""
    adopt_field(synced, "vendors.since")
    sandbox.books["vendors"].replace(3, since="2026-01-01")
    sync(synced)
    adopt_field(synced, "vendors.po_number", "text")
    sandbox.books["vendors"].replace(3, PONumber="x")

    assert versions(sync(synced)) == (0, 1, 0)
    assert held(synced, "po_number, since")[-1] == ("x", date(2026, 1, 1))


def test_another_kind_later(synced: Settings, sandbox: Sandbox) -> None:
    """A column that was made wider is filled by dlt with all digits, and none was lost before."""
    vendors = sandbox.books["vendors"]
    vendors.replace(3, rate=1.2345)
    sync(synced)
    adopt_field(synced, "vendors.rate", "money")
    vendors.replace(2, rate=2.5)
    sync(synced)
    adopt_field(synced, "vendors.rate", "measure")
    vendors.replace(1, rate=3.456789)

    summary = sync(synced)

    assert versions(summary) == (0, 1, 0)
    current = "rate::varchar, extra, _dlt_valid_to is null"
    found = [rate for rate, _, now in held(synced, current) if now]
    assert found == ["3.456789", "2.500000", "1.234500"]
    assert versions(sync(synced)) == (0, 0, 0)


def test_a_column_that_was_given_up(synced: Settings, sandbox: Sandbox) -> None:
    """What came while nobody knew the column is filled in, beside what it has from before."""
    adopt_field(synced, "vendors.since")
    with duckdb.connect(warehouse(synced)) as con:
        con.execute("delete from raw.adopted")
    sandbox.books["vendors"].replace(3, since="2026-01-01")
    sync(synced)
    assert held(synced, "since, extra")[-1] == (None, '{"since":"2026-01-01"}')

    adopt_field(synced, "vendors.since")

    found = [since for (since,) in held(synced, "since")]
    assert found == [date(2026, 3, 31), date(2026, 3, 31), None, None, date(2026, 1, 1)]
    assert held(synced, "extra")[-1] == (None,)
    assert versions(sync(synced)) == (0, 0, 0)


def test_it_is_no_unknown_field_any_more(synced: Settings, sandbox: Sandbox) -> None:
    """Reported as unknown are the fields that no column holds; an adopted one no more."""
    adopt_field(synced, "vendors.since")
    sandbox.books["vendors"].replace(3, since="2026-01-01")

    summary = sync(synced)

    assert summary.notes == []
    assert {each.field for each in load_unknown_fields(warehouse(synced))} == {"gone", "po_number"}


def test_published(synced: Settings) -> None:
    """The next sync publishes the column, of what is and of what was, though nothing changed."""
    adopt_field(synced, "vendors.since")

    assert sync(synced).published

    with duckdb.connect(synced.published, read_only=True) as con:
        now = con.execute("select since from staging.vendors order by vendor_id").fetchall()
        ever = con.execute("select count(since) from staging.vendors_history").fetchall()
    assert (now, ever) == ([(date(2026, 3, 31),), (None,), (None,)], [(2,)])


WRONG = {
    "vendors": "vendors is no ENDPOINT.FIELD",
    "vendors.": "is no ENDPOINT.FIELD",
    "vendor.since": r"Unknown endpoint 'vendor'. Did you mean 'vendors'\?",
    "vendors.sinse": r"Unknown vendors field 'sinse'. Did you mean 'since'\?",
    "vendors.tax_id": "vendors.tax_id is a column already; nothing was changed",
    "vendors.TaxId": "vendors.tax_id is a column already",
    "vendors.gone": "vendors.gone can't be a column",
    "products.since": "no field of products that is not a column already",
}


@pytest.mark.parametrize("name", ["verified_at", "created_at", "vendor_name", "valid_from"])
def test_a_name_that_is_published(synced: Settings, sandbox: Sandbox, name: str) -> None:
    """A field by the name of a column that readers know is not put in its place."""
    sandbox.books["vendors"].replace(1, **{name: "x"})
    sync(synced)

    with pytest.raises(UsageError, match="can't be a column"):
        adopt_field(synced, f"vendors.{name}")


@pytest.mark.parametrize("word", WRONG)
def test_wrong_words(synced: Settings, word: str) -> None:
    """What can't be adopted is told in a sentence, and the warehouse is as it was."""
    before = warehouse(synced).read_bytes()

    with pytest.raises(UsageError, match=WRONG[word]):
        adopt_field(synced, word)

    assert warehouse(synced).read_bytes() == before


def test_nothing_fits(synced: Settings) -> None:
    """A kind that not one value has is refused: the values would be gone from sight."""
    before = warehouse(synced).read_bytes()

    with pytest.raises(UsageError, match=r"Not one of the 2 values of vendors\.since is a count"):
        adopt_field(synced, "vendors.since", "count")

    assert warehouse(synced).read_bytes() == before


def test_a_kind_that_was_wrong(synced: Settings) -> None:
    """A field that was adopted as the wrong kind gets another: what did not fit comes back."""
    adopt_field(synced, "vendors.po_number", "count")

    done = adopt_field(synced, "vendors.po_number", "text")

    assert done == AdoptedField("vendors", "po_number", "text", versions=4, values=3, misfits=0)
    assert held(synced, "id, po_number") == [("1", "7"), ("1", "7"), ("2", "N/A"), ("3", None)]


def test_twice(synced: Settings) -> None:
    """A field can be adopted once, without another kind."""
    adopt_field(synced, "vendors.since")

    with pytest.raises(UsageError, match="is a column already"):
        adopt_field(synced, "vendors.since")


def test_no_warehouse(settings: Settings) -> None:
    """Before the first sync there is nothing to adopt, and nothing is made."""
    with pytest.raises(UsageError, match=r"no warehouse yet.*Run `p4books sync` first"):
        adopt_field(settings, "vendors.since")

    assert not settings.data_dir.exists()


def test_the_one_before_is_kept(synced: Settings) -> None:
    """The warehouse as it was before is a generation."""
    before = warehouse(synced).read_bytes()

    adopt_field(synced, "vendors.since")

    kept = sorted((synced.private / "generations").iterdir())
    assert kept[-1].read_bytes() == before
    assert not (synced.private / "work").exists()


def test_two_spellings_in_one_row(synced: Settings, sandbox: Sandbox) -> None:
    """Where a row has a field in two spellings the column has the one, `extra` keeps the other."""
    sandbox.books["vendors"].replace(3, colour_code="A", colourcode="B")
    sync(synced)

    adopt_field(synced, "vendors.colour_code")

    (found,) = [row[1:] for row in held(synced, "id, colour_code, extra") if row[1]]
    assert (found[0], json.loads(found[1])["colourcode"]) == ("A", "B")
