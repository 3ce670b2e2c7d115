"""Which lists are there, and what may be done with each?"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic.json_schema import models_json_schema

from p4books_sandbox.options import Options


def _day(text: str) -> str:
    if len(text) != 10 or not text.isascii():
        raise ValueError("a day is written like 2026-03-31")
    date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    if len(text) < 20 or text[10] not in "Tt" or not text.isascii():
        raise ValueError("an instant is written like 2026-03-31T12:00:00Z")
    if datetime.fromisoformat(text.upper()).tzinfo is None:
        raise ValueError("an instant needs its zone, like the Z of 2026-03-31T12:00:00Z")
    return text


Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Instant = Annotated[
    str, AfterValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Key = int | str
Item = TypeVar("Item")


class Record(BaseModel):
    """Fields beyond the contract's are taken; types are not bent to fit."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class NewProduct(Record):
    """A product that has no id yet."""

    code: str | None = None
    name: str | None = None
    description: str | None = None
    product_type: Literal["Inventory", "Service", "NonInventory"] | None = None
    unit_of_measure: str | None = None
    cost: float | None = None
    price: float | None = None
    tax_code: str | None = None
    status: str | None = None
    product_group_id: Key | None = None
    date_created: Instant | None = None
    date_modified: Instant | None = None


class Address(Record):
    """Where a customer is."""

    address_type: Literal["Billing", "Shipping", "Both"] | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class NewVendor(Record):
    """A vendor that has no id yet."""

    code: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    tax_id: str | None = None
    balance: float | None = None
    payment_terms: str | None = None
    currency: str | None = None
    status: str | None = None
    date_created: Instant | None = None
    date_modified: Instant | None = None


class NewCustomer(NewVendor):
    """A customer that has no id yet."""

    credit_limit: float | None = None
    tax_code: str | None = None
    addresses: list[Address] = []


class Line(Record):
    """One line of a document."""

    line_number: int | None = None
    product_id: Key | None = None
    description: str | None = None
    quantity: float | None = None
    price: float | None = None
    discount: float | None = None
    subtotal: float | None = None
    tax_code: str | None = None


class Document(Record):
    """What invoices and orders have in common."""

    code: str | None = None
    document_date: Day | None = None
    currency: str | None = None
    subtotal: float | None = None
    tax_total: float | None = None
    total: float | None = None
    lines: list[Line] = []
    date_created: Instant | None = None
    date_modified: Instant | None = None


class NewInvoice(Document):
    """An invoice that has no id yet."""

    customer_id: Key | None = None
    sales_order_id: Key | None = None
    due_date: Day | None = None
    posting_date: Day | None = None
    amount_paid: float | None = None
    balance: float | None = None
    status: Literal["Draft", "Posted", "PartiallyPaid", "Paid", "Void"] | None = None


class NewPurchaseOrder(Document):
    """A purchase order that has no id yet."""

    vendor_id: Key | None = None
    expected_date: Day | None = None
    warehouse_id: Key | None = None
    status: Literal["Open", "PartiallyReceived", "Received", "Closed", "Cancelled"] | None = None


class Product(NewProduct):
    """Something bought and sold."""

    id: Key


class Customer(NewCustomer):
    """Someone who buys."""

    id: Key


class Vendor(NewVendor):
    """Someone who sells to us."""

    id: Key


class Invoice(NewInvoice):
    """What a customer owes, or a credit note with amounts below zero."""

    id: Key


class PurchaseOrder(NewPurchaseOrder):
    """What was ordered from a vendor."""

    id: Key


class SalesOrder(Document):
    """What a customer ordered."""

    id: Key
    customer_id: Key | None = None
    required_date: Day | None = None
    warehouse_id: Key | None = None
    status: Literal["Open", "PartiallyFulfilled", "Fulfilled", "Closed", "Cancelled"] | None = None


class ErrorWords(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any]


class Error(BaseModel):
    """An answer that is an error."""

    error: ErrorWords


class Page(BaseModel, Generic[Item]):
    """One page of a list; total counts the rows of the whole list."""

    data: list[Item]
    total: int
    page: int


@dataclass(frozen=True)
class Endpoint:
    """A list: its path, its records, and what may be posted to it (None: nothing)."""

    path: str
    one: str
    record: type[Record]
    new: type[Record] | None

    @property
    def methods(self) -> str:
        """Name the methods allowed, as an Allow header does."""
        return "GET, POST" if self.new else "GET"


ENDPOINTS = (
    Endpoint("products", "product", Product, NewProduct),
    Endpoint("customers", "customer", Customer, NewCustomer),
    Endpoint("vendors", "vendor", Vendor, NewVendor),
    Endpoint("invoices", "invoice", Invoice, NewInvoice),
    Endpoint("purchase-orders", "purchase order", PurchaseOrder, NewPurchaseOrder),
    Endpoint("sales-orders", "sales order", SalesOrder, None),
)


_SCHEMAS = "#/components/schemas/"
_SECURED: list[dict[str, list[str]]] = [{"ApiKey": []}]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Error, "description": "key missing or wrong"},
    403: {"model": Error, "description": "the key lacks the right"},
    422: {"model": Error, "description": "not valid"},
    429: {
        "model": Error,
        "description": "over the limit of this key",
        "headers": {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}},
    },
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "another record has this code"}
}


def of_list(endpoint: Endpoint, options: Options) -> dict[str, Any]:
    """Give what FastAPI is told about reading a list."""
    page = Page[endpoint.record]  # type: ignore[name-defined]
    page_name, size_name, first = options.parameters
    return {
        "summary": f"List all {endpoint.path.replace('-', ' ')}",
        "operation_id": f"list_{endpoint.path.replace('-', '_')}",
        "response_class": JSONResponse,
        "responses": {200: {"model": page, "description": "one page"}, **_REFUSALS},
        "openapi_extra": {
            "security": _SECURED,
            "parameters": [_whole(page_name, first), _whole(size_name, 1)],
        },
    }


def of_create(endpoint: Endpoint, options: Options) -> dict[str, Any]:
    """Give what FastAPI is told about adding to a list."""
    refusals = _REFUSALS | (_CONFLICT if options.twins == "conflict" else {})
    body = {"schema": {"$ref": _SCHEMAS + endpoint.new.__name__}} if endpoint.new else {}
    return {
        "summary": f"Create one {endpoint.one}",
        "operation_id": f"create_{endpoint.one.replace(' ', '_')}",
        "status_code": 201,
        "response_class": JSONResponse,
        "responses": {201: {"model": endpoint.record, "description": "created"}, **refusals},
        "openapi_extra": {
            "security": _SECURED,
            "requestBody": {"required": True, "content": {"application/json": body}},
        },
    }


def complete(app: FastAPI) -> None:
    """Add the key and the records without id, of which no route tells FastAPI."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        parts = document["components"]
        parts["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        parts["schemas"] = {**_new_records(), **parts["schemas"]}
        return document

    app.openapi = described  # type: ignore[method-assign]


def _new_records() -> dict[str, Any]:
    shapes = [(each.new, "validation") for each in ENDPOINTS if each.new]
    _, schema = models_json_schema(shapes, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    found: dict[str, Any] = schema["$defs"]
    return found


def _whole(name: str, least: int) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": least}}
