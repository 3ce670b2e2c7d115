"""Which endpoints are there?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, Fields, FieldType

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


def _schema(endpoint: Endpoint) -> Mapping[str, Any]:
    answer = CONTRACT["paths"][f"/{endpoint.path}"]["get"]["responses"]["200"]
    page = answer["content"]["application/json"]["schema"]
    return _named(page["properties"]["data"]["items"]["$ref"])


def _named(reference: str) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = SCHEMAS[reference.rpartition("/")[2]]["properties"]
    return properties


def _kinds(schema: Mapping[str, Any]) -> set[FieldType]:
    """Say which kinds fit a property; ids are integers or UUIDs, so they are text."""
    if "oneOf" in schema:
        return {FieldType.TEXT}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    (told,) = (name for name in types if name != "null")
    return FITTING[told, schema.get("format")]


def _unlike(fields: Fields, schema: Mapping[str, Any]) -> set[str]:
    scalars = {name for name in schema if schema[name].get("type") != "array"}
    wrong = {name for name in scalars & set(fields) if fields[name] not in _kinds(schema[name])}
    return wrong | (scalars ^ set(fields))


def test_all_of_them() -> None:
    """The registry has every path of the contract, and no other."""
    assert {f"/{endpoint.path}" for endpoint in ENDPOINTS.values()} == set(CONTRACT["paths"])
    assert all(name == endpoint.name for name, endpoint in ENDPOINTS.items())


@each
def test_fields(endpoint: Endpoint) -> None:
    """Every property of the contract is a field whose kind fits it, and no field is invented."""
    assert _unlike(endpoint.fields, _schema(endpoint)) == set()


@each
def test_inner_lists(endpoint: Endpoint) -> None:
    """Every list inside a record is known, and so is each field of its items."""
    lists = {k: v for k, v in _schema(endpoint).items() if v.get("type") == "array"}

    assert set(endpoint.inner) == set(lists)
    for name, schema in lists.items():
        assert _unlike(endpoint.inner[name], _named(schema["items"]["$ref"])) == set(), name


@each
def test_writable(endpoint: Endpoint) -> None:
    """What takes new records is what the contract has a POST for."""
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
