"""The vendors endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType

VENDORS = Endpoint(
    name="vendors",
    position=30,
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
        "status": FieldType.TEXT,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "balance": FieldType.MONEY,
    },
)
