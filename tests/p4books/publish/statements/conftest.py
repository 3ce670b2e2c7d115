"""Fixtures: the published file of hand-written books, and statements made in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.conftest import ABOUT
from tests.sql.books import fill

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables
from p4books.publish.language import Language
from p4books.publish.publish import PublishTarget, build_published_file
from p4books.publish.statements.accounts import Account, Customer, OpenItem
from p4books.publish.statements.content import Letterhead, Statement
from p4books.settings import validate_settings
from p4books.transform.as_of import record_as_of
from p4books.transform.models import ModelSet, SqlSources, load_models
from p4books.transform.seeds import load_seeds

MakeStatement = Callable[..., Statement]
Publish = Callable[..., Path]

AS_OF = date(2026, 3, 31)  # that of ABOUT
AS_OF_AT = datetime(2026, 3, 31, 17, tzinfo=UTC)


def customer(number: str, code: str | None, name: str | None, **more: Any) -> dict[str, Any]:
    return {"id": number, "code": code, "name": name, **more}


def invoice(number: str, owner: str | None, due: str, balance: str, **more: Any) -> dict[str, Any]:
    values = {"total": balance, "currency": "USD", "document_date": "2026-01-05", **more}
    return {
        "id": number,
        "code": f"F-{number}",
        "customer_id": owner,
        "due_date": due,
        "balance": balance,
        "status": "Posted",
        **values,
    }


BOOKS = {
    "customers": [
        customer(
            *("1", "C-1", "Óptica “Ñandú” & Cía., S.A."),
            tax_id="8-123-456 DV 91",
            email="pagos@nandu.example",
            payment_terms="Net 30",
            addresses=[
                {"address_type": "Shipping", "line1": "Bodega 4"},
                {"address_type": "billing", "line1": "Calle 50", "city": "Panamá", "state": ""},
            ],
        ),
        customer("2", "c-2", "=HYPERLINK(1)"),
        customer("3", "C-3", "Pagado"),
        customer("4", "twin", "Uno"),
        customer("5", " TWIN ", "Otro"),
        customer("6", "1", "Code of an id"),
        customer("A", None, None),
    ],
    "invoices": [
        invoice("11", "1", "2026-02-28", "75.00", total="100.00"),
        invoice("12", "1", "2026-03-31", "1234.50"),
        invoice("13", "1", "2025-12-01", "-20.00"),
        invoice("14", "1", "2026-03-01", "9.99", currency="EUR"),
        invoice("15", "2", "2026-04-15", "5.00"),
        invoice("16", "3", "2026-01-01", "0.00"),
        invoice("17", None, "2026-01-01", "7.00"),
        invoice("18", "99", "2026-01-01", "3.00"),
        invoice("19", "A", "2026-03-30", "0.10", code=None),
        invoice("20", "1", "2026-03-30", "50.00", status="Void"),
    ],
}


NEEDED = ("core.as_of", "core.dim_customer", "staging.customer_addresses", "reporting.ar_aging")


def load_needed_models() -> ModelSet:
    """Load the models that statements read, and those below them, which saves a second."""
    models = load_models(SqlSources.at())
    needed: set[str] = set(NEEDED)
    for model in reversed(models.models):  # each comes after those it reads
        if model.full_name in needed:
            needed |= model.reads
    return replace(models, models=[each for each in models.models if each.full_name in needed])


def publish_books(folder: Path) -> Path:
    """Publish BOOKS."""
    warehouse = folder / "warehouse.duckdb"
    create_tables(warehouse, tuple(ENDPOINTS.values()))
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        load_seeds(con, SqlSources.at())
        record_as_of(con, validate_settings({"tenant": "acme"}), ())
        con.execute("update raw.as_of set as_of_at = ?, as_of_on = ?", [AS_OF_AT, AS_OF])
        for table, rows in BOOKS.items():
            fill(con, table, [{"_dlt_valid_from": "2026-01-01", **row} for row in rows])
    (folder / "work").mkdir()
    about = {**ABOUT, "as_of_at": AS_OF_AT}
    target = PublishTarget(folder / "work", folder / "acme.duckdb", 0o640, about)
    build_published_file(warehouse, load_needed_models(), target)
    return folder / "acme.duckdb"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of BOOKS, only to be read."""
    return publish_books(tmp_path_factory.mktemp("statements"))


@pytest.fixture
def make_statement() -> MakeStatement:
    """Make a statement of items that are due a day apart, the last one in `due_in` days."""

    def make(
        amounts: list[str], due_in: int = 0, lang: str = "es", name: str = "Ñandú", **more: Any
    ) -> Statement:
        first = AS_OF + timedelta(days=due_in + 1 - len(amounts))
        items = tuple(
            OpenItem(
                code=f"F-{number:04}",
                is_credit_note=amount.startswith("-"),
                document_on=date(2026, 1, 5),
                due_on=first + timedelta(days=number),
                days_overdue=max((AS_OF - first).days - number, 0),
                total=Decimal(amount),
                balance=Decimal(amount),
            )
            for number, amount in enumerate(amounts)
        )
        due = sum((item.balance for item in items if item.days_overdue), Decimal(0))
        balance = sum((item.balance for item in items), Decimal(0))
        ages = (balance - due, due, Decimal(0), Decimal(0), Decimal(0))
        whom = {"customer_id": "7", "code": "C-7", "name": name, "tax_id": "", "email": ""}
        values = {**whom, "payment_terms": "", "address": (), **more}
        account = Account(Customer(**values), "USD", ages, due, balance, items)
        letterhead = Letterhead("Istmo, S.A.", ("RUC 155587169-2-2014 DV 09",))
        return Statement(account, AS_OF, letterhead, Language(lang))

    return make
