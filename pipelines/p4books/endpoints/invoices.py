"""The invoices endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.line import LINE

INVOICES = Endpoint(
    name="invoices",
    position=40,
    identity=("code", "document_date", "date_created"),
    provisional="Draft",
    fields={
        "id": FieldType.TEXT,
        "code": FieldType.TEXT,
        "customer_id": FieldType.TEXT,
        "sales_order_id": FieldType.TEXT,
        "currency": FieldType.TEXT,
        "status": FieldType.TEXT,
        "document_date": FieldType.DAY,
        "due_date": FieldType.DAY,
        "posting_date": FieldType.DAY,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "subtotal": FieldType.MONEY,
        "tax_total": FieldType.MONEY,
        "total": FieldType.MONEY,
        "amount_paid": FieldType.MONEY,
        "balance": FieldType.MONEY,
    },
    inner={"lines": LINE},
)
