"""The purchase orders endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.line import LINE

PURCHASE_ORDERS = Endpoint(
    name="purchase_orders",
    position=50,
    identity=("code", "document_date", "date_created"),
    fields={
        "id": FieldType.TEXT,
        "code": FieldType.TEXT,
        "vendor_id": FieldType.TEXT,
        "warehouse_id": FieldType.TEXT,
        "currency": FieldType.TEXT,
        "status": FieldType.TEXT,
        "document_date": FieldType.DAY,
        "expected_date": FieldType.DAY,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "subtotal": FieldType.MONEY,
        "tax_total": FieldType.MONEY,
        "total": FieldType.MONEY,
    },
    inner={"lines": LINE},
)
