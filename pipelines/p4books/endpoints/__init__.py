"""The endpoints, one file each, in the order in which they are read."""

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.endpoints.purchase_orders import PURCHASE_ORDERS
from p4books.endpoints.sales_orders import SALES_ORDERS
from p4books.endpoints.vendors import VENDORS

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (PRODUCTS, CUSTOMERS, VENDORS, INVOICES, PURCHASE_ORDERS, SALES_ORDERS)
}
