"""Which fields has an invoice?"""

from p4books.endpoint import Endpoint, Kind
from p4books.endpoints.line import LINE

INVOICES = Endpoint(
    name="invoices",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "customer_id": Kind.TEXT,
        "sales_order_id": Kind.TEXT,
        "currency": Kind.TEXT,
        "status": Kind.TEXT,
        "document_date": Kind.DAY,
        "due_date": Kind.DAY,
        "posting_date": Kind.DAY,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "subtotal": Kind.MONEY,
        "tax_total": Kind.MONEY,
        "total": Kind.MONEY,
        "amount_paid": Kind.MONEY,
        "balance": Kind.MONEY,
    },
    inner={"lines": LINE},
)
