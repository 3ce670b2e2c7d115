"""Versions of records and their validity."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.transform.models import SqlSources, load_models

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

TABLES = {
    "products": "product",
    "customers": "customer",
    "vendors": "vendor",
    "invoices": "invoice",
    "purchase_orders": "purchase_order",
    "sales_orders": "sales_order",
}


@pytest.mark.parametrize("table", TABLES)
def test_every_version(insert: Action, query: Query, table: str) -> None:
    """Every version is one row with its own validity, including those of deleted records."""
    entity = TABLES[table]
    insert(table, id="1", status="a", _dlt_valid_to="2026-01-02")
    insert(table, id="1", status="b", _dlt_valid_from="2026-01-02")
    insert(table, id="2", status="c", _dlt_valid_to="2026-01-03")
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]

    rows = query(
        f"select {entity}_id, {entity}_status, valid_from, valid_to"
        f" from staging.{table}_history order by all"
    )

    assert rows == [
        ("1", "a", days[0], days[1]),
        ("1", "b", days[1], None),
        ("2", "c", days[0], days[2]),
    ]


@pytest.mark.parametrize("table", TABLES)
def test_spellings(insert: Action, query: Query, table: str) -> None:
    """An id has one spelling, with which its rows are found; a blank status is none."""
    insert(table, id="1.0", status="", _dlt_valid_to="2026-01-02")
    insert(table, id="1", status=" ", _dlt_valid_from="2026-01-02")
    insert("seen", endpoint=table, id="1", verified_at="2026-01-03")
    entity = TABLES[table]

    assert query(
        f"select {entity}_id, {entity}_status from staging.{table}_history order by valid_from"
    ) == [("1", None), ("1", None)]
    assert query(f"select {entity}_id, verified_at from staging.{table}") == [
        ("1", datetime(2026, 1, 3, tzinfo=UTC))
    ]


REFERENCES = [
    ("products", "product_group_id"),
    ("invoices", "customer_id"),
    ("invoices", "sales_order_id"),
    ("purchase_orders", "vendor_id"),
    ("purchase_orders", "warehouse_id"),
    ("sales_orders", "customer_id"),
    ("sales_orders", "warehouse_id"),
]


@pytest.mark.parametrize(("table", "field"), REFERENCES)
def test_references(insert: Action, query: Query, table: str, field: str) -> None:
    """A reference is spelled as the id is; a blank one is none."""
    for number, value in enumerate(("1", "1.0", "\u200b1 ", "A.0", " ", None)):
        insert(table, id=f"{number}", **{field: value})

    assert query(f"select {field} from staging.{table} order by {TABLES[table]}_id") == [
        ("1",),
        ("1",),
        ("1",),
        ("A.0",),
        (None,),
        (None,),
    ]


@pytest.mark.parametrize("table", TABLES)
def test_same_columns(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """History has the columns of the current rows, with the same names and types, plus validity."""
    current = con.execute(f"describe staging.{table}").fetchall()
    history = con.execute(f"describe staging.{table}_history").fetchall()

    now = {(name, kind) for name, kind, *_ in current}
    ever = {(name, kind) for name, kind, *_ in history}
    assert {name for name, _ in now - ever} == {"verified_at"}
    assert {name for name, _ in ever - now} == {"valid_from", "valid_to", "first_seen_at"}


@pytest.mark.parametrize("table", TABLES)
def test_no_other_columns(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Without adopted fields, every field occurs once, under its name in our models; invoices also
    have the sum of their lines."""
    history = [name for name, *_ in con.execute(f"describe staging.{table}_history").fetchall()]

    more = {"extra", "valid_from", "valid_to", "first_seen_at"}
    more |= {"lines_subtotal"} & set(history)
    assert len(history) == len(ENDPOINTS[table].fields) + len(more)
    assert ("lines_subtotal" in more) == (table == "invoices")
    assert not {"id", "code", "status", "misfits", "row_hash", "gone"} & set(history)


@pytest.mark.parametrize("table", TABLES)
def test_adopted(con: duckdb.DuckDBPyConnection, insert: Action, query: Query, table: str) -> None:
    """An adopted field is a column of history and of the current rows, under its own name."""
    con.execute(f"alter table raw.{table} add column colour varchar")
    insert(table, id="1", colour="red", _dlt_valid_to="2026-01-02")
    insert(table, id="1", colour="blue", _dlt_valid_from="2026-01-02")
    for model in load_models(SqlSources.at()).models:
        if model.full_name in {f"staging.{table}_history", f"staging.{table}"}:
            con.execute(f"create or replace view {model.full_name} as {model.sql}")

    assert query(f"select colour from staging.{table}_history order by valid_from") == [
        ("red",),
        ("blue",),
    ]
    assert query(f"select colour from staging.{table}") == [("blue",)]


@pytest.mark.parametrize("table", TABLES)
def test_identity(table: str) -> None:
    """What tells one record from another with the same id is the identity of the endpoint."""
    text = (SqlSources.at().builtin / "staging" / f"{table}_history.sql").read_text("utf-8")
    columns = text.partition("identities as (")[2].partition("from raw.")[0]

    fields = ENDPOINTS[table].fields.keys() & set(re.findall(r"\w+", columns))
    assert fields - {"id"} == set(ENDPOINTS[table].identity)
