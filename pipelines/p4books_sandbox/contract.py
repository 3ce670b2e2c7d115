"""Which lists are there, and what may be done with each?"""

from dataclasses import dataclass

from p4books_sandbox import models
from p4books_sandbox.models import Record


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
    Endpoint("products", "product", models.Product, models.NewProduct),
    Endpoint("customers", "customer", models.Customer, models.NewCustomer),
    Endpoint("vendors", "vendor", models.Vendor, models.NewVendor),
    Endpoint("invoices", "invoice", models.Invoice, models.NewInvoice),
    Endpoint("purchase-orders", "purchase order", models.PurchaseOrder, models.NewPurchaseOrder),
    Endpoint("sales-orders", "sales order", models.SalesOrder, None),
)
