"""The contract: strict records, and requests that schemathesis makes from the vendor's OpenAPI."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from pydantic import ValidationError
from schemathesis.checks import CheckFunction
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from p4books_sandbox import Options, Sandbox
from p4books_sandbox.app import make_routes
from p4books_sandbox.contract import (
    ENDPOINTS,
    NewCustomer,
    NewInvoice,
    NewProduct,
    find_amount_fields,
)
from p4books_sandbox.options import PageParameters

VENDOR_OPENAPI = Path(__file__).parent / "openapi.yaml"
OPERATIONS = {(each.path, method) for each in ENDPOINTS for method in each.methods.split(", ")}

SendRequest = Callable[..., requests.Response]
Test = Callable[..., None]

bounded = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox for this file only, since posting changes it."""
    with Sandbox(invoices=40, limit=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A connection that all requests of schemathesis use."""
    with requests.Session() as session:
        yield session


def _load_vendor_openapi(mode: GenerationMode) -> Any:
    return schemathesis.openapi.from_path(VENDOR_OPENAPI, config=_configure(modes=[mode]))


def _configure(**generation: Any) -> SchemathesisConfig:
    project = ProjectConfig(generation=GenerationConfig(deterministic=True, **generation))
    return SchemathesisConfig(projects=ProjectsConfig(default=project))


def for_vendor_operations(mode: GenerationMode) -> Callable[[Test], Test]:
    """Run a test for each operation of the vendor's OpenAPI, with valid or invalid requests."""
    parametrize: Callable[[Test], Test] = _load_vendor_openapi(mode).parametrize()
    return parametrize


def for_own_operations() -> Callable[[Test], Test]:
    """Run a test for each operation of the sandbox's own description."""
    document = make_routes(PageParameters(), conflicts=False).openapi()
    schema = schemathesis.openapi.from_dict(document, config=_configure())
    parametrize: Callable[[Test], Test] = schema.parametrize()
    return parametrize


def _check_case(case: Any, base_url: str, session: requests.Session, *but: CheckFunction) -> None:
    # Not a header of the session, since some checks repeat a request without the key.
    key = {"Authorization": f"Bearer {Options().key}"}
    case.call_and_validate(
        base_url=base_url, session=session, headers=key, excluded_checks=list(but)
    )


@for_vendor_operations(GenerationMode.POSITIVE)
@bounded
def test_valid_requests(case: Any, sandbox: Sandbox, session: requests.Session) -> None:
    """Every request that the contract allows gets a response that it allows.

    Its bodies are any objects, of which the sandbox accepts those whose fields have the right
    types.
    """
    loose = [checks.positive_data_acceptance] if case.method == "POST" else []
    _check_case(case, sandbox.base_url, session, *loose)


@for_vendor_operations(GenerationMode.NEGATIVE)
@bounded
def test_invalid_requests(case: Any, sandbox: Sandbox, session: requests.Session) -> None:
    """Every wrong method, page, page size or body is refused.

    The contract names no status for a wrong page, which is not checked therefore. Unknown
    parameters are ignored, and the key is always sent.
    """
    components = case.meta.components
    invalid = {each for each in components if components[each].mode is GenerationMode.NEGATIVE}
    assume(invalid & {ParameterLocation.QUERY, ParameterLocation.BODY})
    assume(set(case.query) <= set(PageParameters()[:2]))
    _check_case(case, sandbox.base_url, session, checks.status_code_conformance)


@for_own_operations()
@bounded
def test_own_description(case: Any, sandbox: Sandbox, session: requests.Session) -> None:
    """What is described as valid is accepted, and what is not is refused."""
    assume(not (isinstance(case.body, dict) and "id" in case.body))
    _check_case(case, _get_root(sandbox), session)


def test_operations() -> None:
    """The sandbox has the operations of the vendor's OpenAPI and no others."""
    paths = _load_vendor_openapi(GenerationMode.POSITIVE).raw_schema["paths"]

    assert {(path.strip("/"), method.upper()) for path in paths for method in paths[path]} == (
        OPERATIONS
    )


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"price": 25, "cost": 10.7, "name": None, "product_group_id": "a-uuid"},
        {"a_field_of_ours": {"any": ["shape"]}},
        {"date_created": "2026-03-31T12:00:00Z", "date_modified": "2026-03-31t12:00:00-05:00"},
    ],
)
def test_valid_product(record: dict[str, Any]) -> None:
    """All fields may be missing or null, and others may be present."""
    NewProduct.model_validate(record)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "25.00"), ("price", True), ("price", float("inf")), ("name", 5),
        ("product_type", "inventory"), ("product_group_id", 1.5), ("product_group_id", True),
        ("date_created", "2026-03-31"), ("date_created", "2026-03-31T12:00:00"),
        ("date_created", 5), ("date_created", "yesterday, at noon or so"),
    ],
)  # fmt: skip
def test_invalid_product(field: str, value: object) -> None:
    """A field of another type than the contract's is refused, not converted."""
    with pytest.raises(ValidationError):
        NewProduct.model_validate({field: value})


def test_valid_invoice() -> None:
    """Dates, ids of either kind, whole amounts and any number of lines are accepted."""
    record = {"due_date": "2024-02-29", "customer_id": "4f7c", "sales_order_id": 5, "total": 7}

    NewInvoice.model_validate({**record, "status": "PartiallyPaid", "lines": [{"quantity": 2}]})


@pytest.mark.parametrize("value", ["2026-02-30", "2026-3-1", "20260301", "2026-03-31T00:00:00Z", 1])
def test_invalid_date(value: object) -> None:
    """A date is written as year, month and day, and exists in the calendar."""
    with pytest.raises(ValidationError):
        NewInvoice.model_validate({"due_date": value})


@pytest.mark.parametrize(
    "record", [{"lines": None}, {"lines": [1]}, {"lines": [{"quantity": "2"}]}]
)
def test_invalid_lines(record: dict[str, Any]) -> None:
    """Lines are validated like the document."""
    with pytest.raises(ValidationError):
        NewInvoice.model_validate(record)


def test_invalid_address() -> None:
    """Addresses are validated like the customer."""
    with pytest.raises(ValidationError):
        NewCustomer.model_validate({"addresses": [{"address_type": "Office"}]})


def test_amount_fields() -> None:
    """The amounts of all records and their lines are the number fields of the vendor's OpenAPI."""
    schemas = _load_vendor_openapi(GenerationMode.POSITIVE).raw_schema["components"]["schemas"]
    numbers = {
        name
        for schema in schemas.values()
        for name, field in schema.get("properties", {}).items()
        if "number" in field.get("type", ())
    }

    assert {name for each in ENDPOINTS for name in find_amount_fields(each.record)} == numbers
    assert set(find_amount_fields(NewProduct)) == {"cost", "price"}
    assert {"total", "quantity"} <= set(find_amount_fields(NewInvoice))


@pytest.fixture(scope="module")
def document(sandbox: Sandbox, send: SendRequest) -> dict[str, Any]:
    """The sandbox's own OpenAPI description."""
    document: dict[str, Any] = send(sandbox, _get_root(sandbox) + "/openapi.json").json()
    return document


def test_docs_page(sandbox: Sandbox, send: SendRequest) -> None:
    """The documentation is available without a key."""
    response = send(sandbox, _get_root(sandbox) + "/docs", headers={"Authorization": ""})

    assert response.status_code == 200
    assert "P4 Books sandbox" in response.text


def test_described_operations(document: dict[str, Any]) -> None:
    """All operations of the API are described; those of the control API are not."""
    described = {
        (path.removeprefix("/api/v1/"), method.upper())
        for path, methods in document["paths"].items()
        for method in methods
    }

    assert document["info"]["title"] == "P4 Books sandbox"
    assert described == OPERATIONS


def test_described_schemas(document: dict[str, Any]) -> None:
    """Requests and responses are described by named schemas."""
    invoices = document["paths"]["/api/v1/invoices"]
    body = invoices["post"]["requestBody"]["content"]["application/json"]["schema"]
    page = invoices["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert body == {"$ref": "#/components/schemas/NewInvoice"}
    assert page == {"$ref": "#/components/schemas/ListResponse_Invoice_"}
    assert "lines" in document["components"]["schemas"]["NewInvoice"]["properties"]
    assert [each["name"] for each in invoices["get"]["parameters"]] == ["page", "page_size"]
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


@pytest.mark.parametrize(("twins", "expected"), [("made", False), ("conflict", True)])
def test_described_conflict(send: SendRequest, twins: str, expected: bool) -> None:
    """A 409 is described if a POST can return it, and only there."""
    with Sandbox(empty=True, twins=twins) as sandbox:
        paths = send(sandbox, _get_root(sandbox) + "/openapi.json").json()["paths"]

    posts = [methods["post"] for methods in paths.values() if "post" in methods]
    assert {"409" in operation["responses"] for operation in posts} == {expected}
    assert "409" not in paths["/api/v1/invoices"]["get"]["responses"]


def test_described_parameters(send: SendRequest) -> None:
    """The description has the parameter names and the first page of this server."""
    with Sandbox(empty=True, page_parameter="p", first_page="0") as sandbox:
        paths = send(sandbox, _get_root(sandbox) + "/openapi.json").json()["paths"]

    page, page_size = paths["/api/v1/vendors"]["get"]["parameters"]
    assert (page["name"], page["schema"]["minimum"]) == ("p", 0)
    assert (page_size["name"], page_size["schema"]["minimum"]) == ("page_size", 1)


def _get_root(sandbox: Sandbox) -> str:
    return sandbox.base_url.removesuffix("/api/v1")
