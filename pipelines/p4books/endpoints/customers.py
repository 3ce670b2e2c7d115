"""Which fields has a customer?"""

from p4books.endpoint import Endpoint, Kind

CUSTOMERS = Endpoint(
    name="customers",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "name": Kind.TEXT,
        "email": Kind.TEXT,
        "phone": Kind.TEXT,
        "tax_id": Kind.TEXT,
        "payment_terms": Kind.TEXT,
        "currency": Kind.TEXT,
        "tax_code": Kind.TEXT,
        "status": Kind.TEXT,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "credit_limit": Kind.MONEY,
        "balance": Kind.MONEY,
    },
    inner={
        "addresses": {
            "address_type": Kind.TEXT,
            "line1": Kind.TEXT,
            "line2": Kind.TEXT,
            "city": Kind.TEXT,
            "state": Kind.TEXT,
            "postal_code": Kind.TEXT,
            "country": Kind.TEXT,
        },
    },
)
