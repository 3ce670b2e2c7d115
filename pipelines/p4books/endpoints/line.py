"""Which fields has a line of a document?"""

from p4books.endpoint import Fields, Kind

LINE: Fields = {
    "line_number": Kind.COUNT,
    "product_id": Kind.TEXT,
    "description": Kind.TEXT,
    "tax_code": Kind.TEXT,
    "quantity": Kind.MEASURE,
    "price": Kind.MEASURE,
    "discount": Kind.MEASURE,  # an amount or a percentage: open
    "subtotal": Kind.MONEY,
}
