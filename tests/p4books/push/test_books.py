"""What do the books hold that a new record must agree with?"""

import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.staging_sync import sync

from p4books.endpoints import ENDPOINTS
from p4books.push.lookups import ListNotSynced, Lookups, RecordIndex
from p4books.settings import Settings
from p4books.transform.models import SqlSources
from p4books_sandbox import Sandbox

LISTS = ("products", "customers", "invoices")


def data() -> dict[str, list[dict[str, Any]]]:
    """A P4 Books with a customer and a product who will be gone, and two invoices of one code."""
    return {
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


def read(private: Path, endpoint: str) -> Lookups:
    return Lookups.of(private / "warehouse.duckdb", ENDPOINTS[endpoint], SqlSources.at())


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private folder of a tenant, synced before and after a customer and a product left."""
    folder = tmp_path_factory.mktemp("synced")
    with pytest.MonkeyPatch.context() as patch, Sandbox(data=data(), limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        settings = Settings(
            tenant="acme",
            api_key=SecretStr(sandbox.key),
            base_url=sandbox.base_url,
            data_dir=folder / "data",
            requests_per_window=100_000,
        )
        sync(settings, LISTS)
        sandbox.books["customers"].replace(8, code="C-8b")
        sync(settings, LISTS)
        sandbox.books["customers"].delete(8)
        sandbox.books["products"].delete(2)
        sync(settings, LISTS)
    return settings.private


def test_lists(synced: Path) -> None:
    """Read are the records that are there, by id and by trimmed code, and those that are gone."""
    books = read(synced, "invoices")

    assert books.own.codes == {"F-1": "20"}
    assert books.own.doubled == {"F-1"}
    assert books.own.ids == {"20", "21", "22"}
    assert books.lists.keys() == {"customers", "products"}
    assert books.lists["customers"] == RecordIndex({"C-7": "7"}, {"7"}, set(), {"8"}, {"C-8b"})
    assert books.lists["products"] == RecordIndex({"P-1": "1"}, {"1"}, set(), {"2"}, {"P-2"})


def test_tax_codes(synced: Path) -> None:
    """A tax code is known from the seeds, or from a product or customer that is there."""
    books = read(synced, "products")

    assert books.tax_codes["ZONA LIBRE"] == "Zona Libre"
    assert books.tax_codes["ITBMS10"] == "ITBMS10"
    assert "GONE" not in books.tax_codes


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(1970, 1, 1), None),
        (date(2010, 6, 30), Decimal("0.05")),
        (date(2010, 7, 1), Decimal("0.07")),
        (date(2999, 1, 1), Decimal("0.07")),
    ],
)
def test_rate(synced: Path, day: date, rate: Decimal | None) -> None:
    """A tax code has the rate of the day, in whatever case it is written."""
    books = read(synced, "invoices")

    assert books.rate("itbms", day) == rate
    assert books.rate("Zona Libre", day) is None


def test_current_to(synced: Path, tmp_path: Path) -> None:
    """The books tell when the list was last read; where nobody noted it, they don't."""
    now = datetime.now(UTC)
    books = read(synced, "invoices")
    shutil.copy(synced / "warehouse.duckdb", tmp_path)

    assert books.current_to is not None
    assert timedelta(0) < now - books.current_to < timedelta(minutes=5)
    assert read(tmp_path, "invoices").current_to is None


def test_never_copied(synced: Path) -> None:
    """A list that was never copied, be it one that a record refers to, is named."""
    with pytest.raises(ListNotSynced, match="copy of purchase_orders and vendors yet"):
        read(synced, "purchase_orders")


def test_no_warehouse(tmp_path: Path) -> None:
    """Without a warehouse nothing can be checked, and none is made."""
    path = tmp_path / "warehouse.duckdb"

    with pytest.raises(ListNotSynced, match="products"):
        Lookups.of(path, ENDPOINTS["products"], SqlSources.at())

    assert not path.exists()


@pytest.mark.parametrize(
    ("code", "end"),
    [("A-12", "Did you mean 'A-1"), ("zzz", "No other code is similar.")],
)
def test_like(code: str, end: str) -> None:
    """An unknown code is told the nearest of those beside it, or that there is none."""
    listed = RecordIndex({f"A-{number}": str(number) for number in range(1, 1000, 10)})

    assert listed.describe_unknown("product", code).startswith(f"Unknown product '{code}'. {end}")
