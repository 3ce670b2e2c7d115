"""The customers endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType

CUSTOMERS = Endpoint(
    name="customers",
    position=20,
    identity=("code", "name", "date_created"),
    fields={
        "id": FieldType.TEXT,
        "code": FieldType.TEXT,
        "name": FieldType.TEXT,
        "email": FieldType.TEXT,
        "phone": FieldType.TEXT,
        "tax_id": FieldType.TEXT,
        "payment_terms": FieldType.TEXT,
        "currency": FieldType.TEXT,
        "tax_code": FieldType.TEXT,
        "status": FieldType.TEXT,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "credit_limit": FieldType.MONEY,
        "balance": FieldType.MONEY,
    },
    inner={
        "addresses": {
            "address_type": FieldType.TEXT,
            "line1": FieldType.TEXT,
            "line2": FieldType.TEXT,
            "city": FieldType.TEXT,
            "state": FieldType.TEXT,
            "postal_code": FieldType.TEXT,
            "country": FieldType.TEXT,
        },
    },
)
