"""Fields of a document line."""

from p4books.endpoints.definition import Fields, FieldType

LINE: Fields = {
    "line_number": FieldType.COUNT,
    "product_id": FieldType.TEXT,
    "description": FieldType.TEXT,
    "tax_code": FieldType.TEXT,
    "quantity": FieldType.MEASURE,
    "price": FieldType.MEASURE,
    "discount": FieldType.MEASURE,  # an amount or a percentage: open
    "subtotal": FieldType.MONEY,
}
