"""The API's contract: its lists, the records in them, and their OpenAPI description.

A list is added by its records here and a line in ENDPOINTS. It is then served, filtered, created,
described and counted like the others, without rows if `sample_data` makes none for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic.json_schema import models_json_schema

from p4books_sandbox.options import PageParameters


def _check_date(text: str) -> str:
    if len(text) != 10 or not text.isascii():
        raise ValueError("a date is written like 2026-03-31")
    date.fromisoformat(text)
    return text


def _check_timestamp(text: str) -> str:
    if len(text) < 20 or text[10] not in "Tt" or not text.isascii():
        raise ValueError("a timestamp is written like 2026-03-31T12:00:00Z")
    if datetime.fromisoformat(text.upper()).tzinfo is None:
        raise ValueError("a timestamp needs a time zone, like the Z of 2026-03-31T12:00:00Z")
    return text


DateText = Annotated[
    str, AfterValidator(_check_date), WithJsonSchema({"type": "string", "format": "date"})
]
TimestampText = Annotated[
    str, AfterValidator(_check_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})
]
RecordId = int | str
ItemT = TypeVar("ItemT")


class ContractRecord(BaseModel):
    """A record whose types are checked strictly; fields beyond the contract's are accepted."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class NewProduct(ContractRecord):
    """A product without an id."""

    code: str | None = None
    name: str | None = None
    description: str | None = None
    product_type: Literal["Inventory", "Service", "NonInventory"] | None = None
    unit_of_measure: str | None = None
    cost: float | None = None
    price: float | None = None
    tax_code: str | None = None
    status: str | None = None
    product_group_id: RecordId | None = None
    date_created: TimestampText | None = None
    date_modified: TimestampText | None = None


class Address(ContractRecord):
    """An address of a customer."""

    address_type: Literal["Billing", "Shipping", "Both"] | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class NewVendor(ContractRecord):
    """A vendor without an id."""

    code: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    tax_id: str | None = None
    balance: float | None = None
    payment_terms: str | None = None
    currency: str | None = None
    status: str | None = None
    date_created: TimestampText | None = None
    date_modified: TimestampText | None = None


class NewCustomer(NewVendor):
    """A customer without an id."""

    credit_limit: float | None = None
    tax_code: str | None = None
    addresses: list[Address] = []


class Line(ContractRecord):
    """One line of a document."""

    line_number: int | None = None
    product_id: RecordId | None = None
    description: str | None = None
    quantity: float | None = None
    price: float | None = None
    discount: float | None = None
    subtotal: float | None = None
    tax_code: str | None = None


class DocumentRecord(ContractRecord):
    """Fields that invoices and orders have in common."""

    code: str | None = None
    document_date: DateText | None = None
    currency: str | None = None
    subtotal: float | None = None
    tax_total: float | None = None
    total: float | None = None
    lines: list[Line] = []
    date_created: TimestampText | None = None
    date_modified: TimestampText | None = None


class NewInvoice(DocumentRecord):
    """An invoice without an id."""

    customer_id: RecordId | None = None
    sales_order_id: RecordId | None = None
    due_date: DateText | None = None
    posting_date: DateText | None = None
    amount_paid: float | None = None
    balance: float | None = None
    status: Literal["Draft", "Posted", "PartiallyPaid", "Paid", "Void"] | None = None


class NewPurchaseOrder(DocumentRecord):
    """A purchase order without an id."""

    vendor_id: RecordId | None = None
    expected_date: DateText | None = None
    warehouse_id: RecordId | None = None
    status: Literal["Open", "PartiallyReceived", "Received", "Closed", "Cancelled"] | None = None


class Product(NewProduct):
    """A product or service that is bought and sold."""

    id: RecordId


class Customer(NewCustomer):
    """A customer."""

    id: RecordId


class Vendor(NewVendor):
    """A vendor."""

    id: RecordId


class Invoice(NewInvoice):
    """An invoice, or a credit note, whose amounts are negative."""

    id: RecordId


class PurchaseOrder(NewPurchaseOrder):
    """An order to a vendor."""

    id: RecordId


class SalesOrder(DocumentRecord):
    """An order from a customer."""

    id: RecordId
    customer_id: RecordId | None = None
    required_date: DateText | None = None
    warehouse_id: RecordId | None = None
    status: Literal["Open", "PartiallyFulfilled", "Fulfilled", "Closed", "Cancelled"] | None = None


class ErrorDetail(BaseModel):
    """The code, the message and the details of an error."""

    code: str
    message: str
    details: dict[str, Any]


class Error(BaseModel):
    """The body of an error response."""

    error: ErrorDetail


class ListResponse(BaseModel, Generic[ItemT]):
    """One page of a list; `total` counts the rows of the whole list."""

    data: list[ItemT]
    total: int
    page: int


@dataclass(frozen=True)
class EndpointContract:
    """One list: its path, the name of one record, its records, and those of a POST (None: none)."""

    path: str
    singular: str
    record: type[ContractRecord]
    new_record: type[ContractRecord] | None

    @property
    def methods(self) -> str:
        """The allowed methods, as written in an Allow header."""
        return "GET, POST" if self.new_record else "GET"


ENDPOINTS = (
    EndpointContract("products", "product", Product, NewProduct),
    EndpointContract("customers", "customer", Customer, NewCustomer),
    EndpointContract("vendors", "vendor", Vendor, NewVendor),
    EndpointContract("invoices", "invoice", Invoice, NewInvoice),
    EndpointContract("purchase-orders", "purchase order", PurchaseOrder, NewPurchaseOrder),
    EndpointContract("sales-orders", "sales order", SalesOrder, None),
)


def find_amount_fields(record: type[BaseModel]) -> Iterator[str]:
    """Yield the names of the number fields of a record and of the records inside it."""
    for name, field in record.model_fields.items():
        if field.annotation == float | None:
            yield name
        for inner in get_args(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from find_amount_fields(inner)


def describe_list(endpoint: EndpointContract, names: PageParameters) -> dict[str, Any]:
    """Return FastAPI's arguments for the route that reads a list."""
    page = ListResponse[endpoint.record]  # type: ignore[name-defined]
    return {
        "summary": f"List all {endpoint.path.replace('-', ' ')}",
        "operation_id": f"list_{endpoint.path.replace('-', '_')}",
        "response_class": JSONResponse,
        "responses": {200: {"model": page, "description": "one page"}, **_ERRORS},
        "openapi_extra": {
            "security": _SECURITY,
            "parameters": [
                _describe_parameter(names.page, names.first_page),
                _describe_parameter(names.page_size, 1),
            ],
        },
    }


def describe_create(endpoint: EndpointContract, conflicts: bool) -> dict[str, Any]:
    """Return FastAPI's arguments for the route that creates a record, which may return 409."""
    errors = _ERRORS | (_CONFLICT if conflicts else {})
    shape = endpoint.new_record
    body = {"schema": {"$ref": _SCHEMAS + shape.__name__}} if shape else {}
    return {
        "summary": f"Create one {endpoint.singular}",
        "operation_id": f"create_{endpoint.singular.replace(' ', '_')}",
        "status_code": 201,
        "response_class": JSONResponse,
        "responses": {201: {"model": endpoint.record, "description": "created"}, **errors},
        "openapi_extra": {
            "security": _SECURITY,
            "requestBody": {"required": True, "content": {"application/json": body}},
        },
    }


def complete_openapi(app: FastAPI) -> None:
    """Add the API key and the new records, which FastAPI does not learn from any route."""
    make_document = app.openapi

    def make_complete_document() -> dict[str, Any]:
        document = make_document()
        components = document["components"]
        components["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        components["schemas"] = {**_describe_new_records(), **components["schemas"]}
        return document

    app.openapi = make_complete_document  # type: ignore[method-assign]


_SCHEMAS = "#/components/schemas/"
_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": []}]
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": Error, "description": "the key is missing or wrong"},
    403: {"model": Error, "description": "the key lacks the permission"},
    422: {"model": Error, "description": "not valid"},
    429: {
        "model": Error,
        "description": "over the rate limit of this key",
        "headers": {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}},
    },
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "another record has this code"}
}


def _describe_new_records() -> dict[str, Any]:
    shapes = [(endpoint.new_record, "validation") for endpoint in ENDPOINTS if endpoint.new_record]
    _, schema = models_json_schema(shapes, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _describe_parameter(name: str, minimum: int) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": minimum}}
