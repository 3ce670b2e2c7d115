"""Endpoints: their definition, and the registry against the contract."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.errors import UsageError

CONTRACT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "p4books_sandbox" / "openapi.yaml").read_text(encoding="utf-8")
)
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

NUMBERS = {FieldType.MONEY, FieldType.MEASURE}
FITTING = {
    ("string", None): {FieldType.TEXT},
    ("string", "date"): {FieldType.DAY},
    ("string", "date-time"): {FieldType.INSTANT},
    ("integer", None): {FieldType.COUNT},
    ("number", None): NUMBERS,
}

each = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)


@each
def test_identity(endpoint: Endpoint) -> None:
    """Records are recognized by fields that they have: a text, and two days."""
    kinds = [endpoint.fields[name] for name in endpoint.identity]

    assert kinds[0] is FieldType.TEXT
    assert kinds[-1] is FieldType.INSTANT
    assert set(kinds) <= {FieldType.TEXT, FieldType.DAY, FieldType.INSTANT}
    assert endpoint.provisional is None or "status" in endpoint.fields


def _schema(endpoint: Endpoint) -> Mapping[str, Any]:
    response = CONTRACT["paths"][f"/{endpoint.path}"]["get"]["responses"]["200"]
    page = response["content"]["application/json"]["schema"]
    return _named(page["properties"]["data"]["items"]["$ref"])


def _named(reference: str) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = SCHEMAS[reference.rpartition("/")[2]]["properties"]
    return properties


def _fitting_types(schema: Mapping[str, Any]) -> set[FieldType]:
    """Return the types that fit a property; ids are integers or UUIDs, hence text."""
    if "oneOf" in schema:
        return {FieldType.TEXT}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    (name,) = (each for each in types if each != "null")
    return FITTING[name, schema.get("format")]


def _find_differences(fields: Fields, schema: Mapping[str, Any]) -> set[str]:
    scalars = {name for name in schema if schema[name].get("type") != "array"}
    wrong = {
        name for name in scalars & set(fields) if fields[name] not in _fitting_types(schema[name])
    }
    return wrong | (scalars ^ set(fields))


def test_registry() -> None:
    """The registry has exactly the paths of the contract, in the order of reading."""
    assert {f"/{endpoint.path}" for endpoint in ENDPOINTS.values()} == set(CONTRACT["paths"])
    assert all(name == endpoint.name for name, endpoint in ENDPOINTS.items())
    assert next(iter(ENDPOINTS)) == "products"
    positions = [endpoint.position for endpoint in ENDPOINTS.values()]
    assert positions == sorted(set(positions))


def test_get_endpoint() -> None:
    """An endpoint is found by its name; an unknown one is an error that lists all."""
    assert get_endpoint("invoices") is ENDPOINTS["invoices"]
    with pytest.raises(UsageError, match=r"Unknown endpoint 'bills'. Available: products, "):
        get_endpoint("bills")


@each
def test_fields(endpoint: Endpoint) -> None:
    """The fields are exactly the properties of the contract, with a type that fits."""
    assert _find_differences(endpoint.fields, _schema(endpoint)) == set()


@each
def test_inner_lists(endpoint: Endpoint) -> None:
    """Every list inside a record is known, with the fields of its items."""
    lists = {k: v for k, v in _schema(endpoint).items() if v.get("type") == "array"}

    assert set(endpoint.inner) == set(lists)
    for name, schema in lists.items():
        assert _find_differences(endpoint.inner[name], _named(schema["items"]["$ref"])) == set(), (
            name
        )


@each
def test_writable(endpoint: Endpoint) -> None:
    """An endpoint is writable if the contract has a POST for it."""
    assert endpoint.writable == ("post" in CONTRACT["paths"][f"/{endpoint.path}"])


@each
def test_money_has_cents(endpoint: Endpoint) -> None:
    """Amounts are money; only unit prices, quantities and discounts are measures."""
    fields = {**endpoint.fields, **endpoint.inner.get("lines", {})}

    measures = {name for name, kind in fields.items() if kind is FieldType.MEASURE}

    assert measures <= {"price", "cost", "quantity", "discount"}


@each
def test_id(endpoint: Endpoint) -> None:
    """An id is text: it may be a number or a UUID."""
    assert endpoint.fields["id"] is FieldType.TEXT


ORDERS = Endpoint("sales_orders", {"id": FieldType.TEXT, "total": FieldType.MONEY}, {"lines": {}})


def test_path() -> None:
    """An endpoint's path is its name with hyphens."""
    assert ORDERS.path == "sales-orders"


def test_known() -> None:
    """The known names are the fields and the inner lists of a record."""
    assert ORDERS.known == {"id", "total", "lines"}


def test_defaults() -> None:
    """By default an endpoint is writable and has no inner lists."""
    plain = Endpoint("things", {})

    assert plain.writable
    assert plain.inner == {}


def test_endpoint_is_immutable() -> None:
    """An endpoint is immutable and hashable."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ORDERS.name = "others"  # type: ignore[misc]

    assert {ORDERS: 1}[ORDERS] == 1


@pytest.mark.parametrize("kind", FieldType)
def test_duckdb_type(kind: FieldType) -> None:
    """Each value is a type that DuckDB knows, and not a float."""
    (name,) = duckdb.sql(f"select typeof(null::{kind.value})").fetchone() or ("",)

    assert "DOUBLE" not in name
    assert "FLOAT" not in name


def test_decimals() -> None:
    """The decimals of a number are those of its type; other types have none."""
    decimals = {kind: kind.decimals for kind in FieldType if kind.decimals is not None}

    assert decimals == {FieldType.MONEY: 2, FieldType.MEASURE: 6, FieldType.COUNT: 0}
    assert all(f", {places})" in kind.value for kind, places in decimals.items() if places)
