"""Which fields has a sales order?"""

from p4books.endpoint import Endpoint, Kind
from p4books.endpoints.line import LINE

SALES_ORDERS = Endpoint(
    name="sales_orders",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "customer_id": Kind.TEXT,
        "warehouse_id": Kind.TEXT,
        "currency": Kind.TEXT,
        "status": Kind.TEXT,
        "document_date": Kind.DAY,
        "required_date": Kind.DAY,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "subtotal": Kind.MONEY,
        "tax_total": Kind.MONEY,
        "total": Kind.MONEY,
    },
    inner={"lines": LINE},
    writable=False,
)
