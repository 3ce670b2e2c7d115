"""The sales orders endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.line import LINE

SALES_ORDERS = Endpoint(
    name="sales_orders",
    position=60,
    identity=("code", "document_date", "date_created"),
    fields={
        "id": FieldType.TEXT,
        "code": FieldType.TEXT,
        "customer_id": FieldType.TEXT,
        "warehouse_id": FieldType.TEXT,
        "currency": FieldType.TEXT,
        "status": FieldType.TEXT,
        "document_date": FieldType.DAY,
        "required_date": FieldType.DAY,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "subtotal": FieldType.MONEY,
        "tax_total": FieldType.MONEY,
        "total": FieldType.MONEY,
    },
    inner={"lines": LINE},
    writable=False,
)
