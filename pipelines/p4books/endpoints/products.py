"""Which fields has a product?"""

from p4books.endpoint import Endpoint, Kind

PRODUCTS = Endpoint(
    name="products",
    fields={
        "id": Kind.TEXT,
        "code": Kind.TEXT,
        "name": Kind.TEXT,
        "description": Kind.TEXT,
        "product_type": Kind.TEXT,
        "unit_of_measure": Kind.TEXT,
        "product_group_id": Kind.TEXT,
        "tax_code": Kind.TEXT,
        "status": Kind.TEXT,
        "date_created": Kind.INSTANT,
        "date_modified": Kind.INSTANT,
        "price": Kind.MEASURE,
        "cost": Kind.MEASURE,
    },
)
