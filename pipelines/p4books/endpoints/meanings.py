"""What the fields of the API mean, for the schema of the dlt source.

The columns of the models have texts of their own, in sql/columns.csv: they are named and computed
differently.
"""

from collections.abc import Mapping

# By field name, or by endpoint.field if it means something else there.
MEANINGS: Mapping[str, str] = {
    "id": "Identifier given by P4 Books, as text: a number or a UUID",
    "code": "Number or code that people know the record by",
    "name": "Name",
    "description": "Text on the item or the line",
    "email": "Email address",
    "phone": "Telephone number",
    "tax_id": "Tax identification number; RUC in Panama",
    "payment_terms": "Code of the payment terms, such as Net 30",
    "currency": "Currency code; empty means that of the company",
    "status": "Status, as P4 Books spells it",
    "date_created": "Instant at which the record was created, in UTC",
    "date_modified": "Instant at which the record was last changed, in UTC",
    "credit_limit": "Most that the customer may owe",
    "balance": "Amount still to be paid",
    "customers.balance": "What the customer owes according to its record",
    "vendors.balance": "What is owed to the vendor according to its record",
    "addresses": "Addresses of the customer",
    "address_type": "Purpose of the address: Billing, Shipping or Both",
    "line1": "First line of the address",
    "line2": "Second line of the address",
    "city": "City",
    "state": "State or province",
    "postal_code": "Postal code",
    "country": "Country",
    "product_type": "Inventory, Service or NonInventory",
    "unit_of_measure": "Unit in which quantities are counted",
    "product_group_id": "Identifier of the product group",
    "tax_code": "Code of the sales tax",
    "price": "Price of a unit, before discount and tax",
    "cost": "Cost of a unit",
    "customer_id": "Identifier of the customer; empty for a counter sale",
    "vendor_id": "Identifier of the vendor",
    "sales_order_id": "Identifier of the sales order that was invoiced",
    "warehouse_id": "Identifier of the warehouse",
    "document_date": "Date of the document",
    "due_date": "Day by which the invoice is to be paid",
    "posting_date": "Day on which the document was posted",
    "expected_date": "Day on which the goods are expected",
    "required_date": "Day on which the goods are needed",
    "subtotal": "Net amount, before tax",
    "tax_total": "Tax of the document",
    "total": "Amount with tax; negative for a credit note",
    "amount_paid": "Amount paid so far",
    "lines": "Lines of the document",
    "line_number": "Position of the line in the document",
    "product_id": "Identifier of the product; empty for freight and charges",
    "quantity": "Quantity; negative on a credit note",
    "discount": "Discount on the line, as P4 Books gives it",
}


def describe_field(endpoint: str, field: str) -> str | None:
    """Return what a field of an endpoint means; None if nothing is known about it."""
    return MEANINGS.get(f"{endpoint}.{field}") or MEANINGS.get(field)
