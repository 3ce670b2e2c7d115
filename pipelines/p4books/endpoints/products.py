"""The products endpoint."""

from p4books.endpoints.definition import Endpoint, FieldType

PRODUCTS = Endpoint(
    name="products",
    position=10,
    identity=("code", "name", "date_created"),
    fields={
        "id": FieldType.TEXT,
        "code": FieldType.TEXT,
        "name": FieldType.TEXT,
        "description": FieldType.TEXT,
        "product_type": FieldType.TEXT,
        "unit_of_measure": FieldType.TEXT,
        "product_group_id": FieldType.TEXT,
        "tax_code": FieldType.TEXT,
        "status": FieldType.TEXT,
        "date_created": FieldType.INSTANT,
        "date_modified": FieldType.INSTANT,
        "price": FieldType.MEASURE,
        "cost": FieldType.MEASURE,
    },
)
