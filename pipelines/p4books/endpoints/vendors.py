"""Which fields has a vendor?"""

from p4books.endpoint import Endpoint, Kind

VENDORS = Endpoint(
    name="vendors",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "name": Kind.TEXT,
        "email": Kind.TEXT,
        "phone": Kind.TEXT,
        "tax_id": Kind.TEXT,
        "payment_terms": Kind.TEXT,
        "currency": Kind.TEXT,
        "status": Kind.TEXT,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "balance": Kind.MONEY,
    },
)
