"""Which fields has a purchase order?"""

from p4books.endpoint import Endpoint, Kind
from p4books.endpoints.line import LINE

PURCHASE_ORDERS = Endpoint(
    name="purchase_orders",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "vendor_id": Kind.TEXT,
        "warehouse_id": Kind.TEXT,
        "currency": Kind.TEXT,
        "status": Kind.TEXT,
        "document_date": Kind.DAY,
        "expected_date": Kind.DAY,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "subtotal": Kind.MONEY,
        "tax_total": Kind.MONEY,
        "total": Kind.MONEY,
    },
    inner={"lines": LINE},
)
