"""What does a record look like, by the contract?"""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema


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
