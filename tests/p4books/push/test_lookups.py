"""What new records are validated against: the synced lists and the tax rates."""

import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.staging_sync import sync

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.customers import CUSTOMERS
from p4books.push.lookups import ListNotSynced, Lookups, RecordIndex, find_held_before
from p4books.settings import Settings
from p4books.transform.models import SqlSources
from p4books_sandbox import Sandbox

LISTS = ("products", "customers", "invoices")
RECORDS: dict[str, list[dict[str, Any]]] = {
    "products": [
        {"id": 1, "code": "P-1", "name": "Widget", "tax_code": "ITBMS"},
        {"id": 2, "code": "P-2", "name": "Old", "tax_code": "Gone"},
    ],
    "customers": [
        {"id": 7, "code": " C-7 ", "name": "Tía Rosa", "tax_code": "Zona Libre"},
        {"id": 8, "code": "C-8", "name": "Kiosco"},
    ],
    "invoices": [
        {"id": 21, "code": "F-1", "customer_id": 7},
        {"id": 20, "code": "F-1", "customer_id": 7},
        {"id": 22, "customer_id": 7},
    ],
}


class Synced(NamedTuple):
    """The private folder of a tenant, and when its second sync ended."""

    private: Path
    second_sync_at: datetime


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Synced:
    """Three syncs; before the last, a customer and a product were deleted and a customer added."""
    folder = tmp_path_factory.mktemp("synced")
    with pytest.MonkeyPatch.context() as patch, Sandbox(data=RECORDS, limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        settings = Settings.model_validate(
            {
                "tenant": "acme",
                "api_key": sandbox.key,
                "base_url": sandbox.base_url,
                "data_dir": folder / "data",
                "requests_per_window": 100_000,
            }
        )
        sync(settings, LISTS)
        sandbox.books["customers"].replace(8, code="C-8b")
        sync(settings, LISTS)
        second_sync_at = datetime.now(UTC)
        sandbox.books["customers"].delete(8)
        sandbox.books["customers"].insert({"id": 9, "code": "C-9", "name": "Late"})
        sandbox.books["products"].delete(2)
        sync(settings, LISTS)
    return Synced(settings.private, second_sync_at)


def _load(private: Path, endpoint: str) -> Lookups:
    settings = Settings(tenant=private.name, data_dir=private.parents[1])
    return Lookups.load(settings, ENDPOINTS[endpoint], SqlSources.at())


def test_lists(synced: Synced) -> None:
    """The existing records are loaded by id and by trimmed code, and those that were deleted."""
    lookups = _load(synced.private, "invoices")

    assert lookups.own.codes == {"F-1": "20"}
    assert lookups.own.duplicates == {"F-1"}
    assert lookups.own.ids == {"20", "21", "22"}
    assert lookups.lists == {
        "customers": RecordIndex({"C-7": "7", "C-9": "9"}, {"7", "9"}, set(), {"8"}, {"C-8b"}),
        "products": RecordIndex({"P-1": "1"}, {"1"}, set(), {"2"}, {"P-2"}),
    }


def test_names(synced: Synced) -> None:
    """A record that exists is known by its name, in any case."""
    customers = _load(synced.private, "invoices").lists["customers"]

    assert customers.list_codes_named("TÍA  rosa") == ["C-7"]
    assert customers.list_codes_named("Kiosco") == []


def test_tax_codes(synced: Synced) -> None:
    """A tax code is known from the seeds, or from an existing product or customer."""
    lookups = _load(synced.private, "products")

    assert lookups.tax_codes["zona libre"] == "Zona Libre"
    assert lookups.tax_codes["itbms10"] == "ITBMS10"
    assert "GONE" not in lookups.tax_codes
    assert _load(synced.private, "customers").tax_codes == lookups.tax_codes


def test_rate(synced: Synced) -> None:
    """A tax code has the rate of the day, in whatever case it is written."""
    lookups = _load(synced.private, "invoices")

    rates = {
        day: lookups.rate("itbms", day)
        for day in (date(1970, 1, 1), date(2010, 6, 30), date(2010, 7, 1), date(2999, 1, 1))
    }

    assert list(rates.values()) == [None, Decimal("0.05"), Decimal("0.07"), Decimal("0.07")]
    assert lookups.rate("Zona Libre", date(2999, 1, 1)) is None


def test_current_to(synced: Synced, tmp_path: Path) -> None:
    """The lookups say when the list was last read; None if that was not recorded."""
    lookups = _load(synced.private, "invoices")
    private = tmp_path / ".private" / "acme"
    private.mkdir(parents=True)
    shutil.copy(synced.private / "warehouse.duckdb", private)

    assert lookups.current_to is not None
    assert timedelta(0) < datetime.now(UTC) - lookups.current_to < timedelta(minutes=5)
    assert _load(private, "invoices").current_to is None


def test_list_not_synced(synced: Synced) -> None:
    """A list that was never synced is named, even if it is one that a record refers to."""
    with pytest.raises(ListNotSynced, match="purchase_orders and vendors have not been synced"):
        _load(synced.private, "purchase_orders")


def test_no_warehouse(tmp_path: Path) -> None:
    """Without a warehouse nothing can be validated, and none is created."""
    with pytest.raises(ListNotSynced, match="products"):
        _load(tmp_path / ".private" / "acme", "products")

    assert list(tmp_path.iterdir()) == []


def test_held_before(synced: Synced) -> None:
    """Ids count that the warehouse held at that instant, deleted ones too, and no later ones."""
    warehouse, ids = synced.private / "warehouse.duckdb", ["7", "8", "9", "unknown"]
    second = synced.second_sync_at

    assert find_held_before(warehouse, CUSTOMERS, ids, second) == {"7", "8"}
    assert find_held_before(warehouse, CUSTOMERS, ids, datetime.now(UTC)) == {"7", "8", "9"}
    assert find_held_before(warehouse, CUSTOMERS, ids, second - timedelta(days=1)) == set()
    assert find_held_before(warehouse, CUSTOMERS, [], second) == set()


@pytest.mark.parametrize(
    ("code", "end"),
    [("A-12", "Did you mean 'A-1"), ("zzz", "No other code is similar.")],
)
def test_unknown_code(code: str, end: str) -> None:
    """For an unknown code the most similar of its neighbours is suggested, or none."""
    index = RecordIndex({f"A-{number}": str(number) for number in range(1, 1000, 10)})

    assert index.describe_unknown("product", code).startswith(f"Unknown product '{code}'. {end}")
