"""Sample data: the books of a made-up distributor in Panama."""

from collections.abc import Iterable

from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.options import Options, seeded_random
from p4books_sandbox.sample_data import documents, master_data, vocabulary
from p4books_sandbox.store import RecordList


def generate_books(options: Options) -> dict[str, RecordList]:
    """Generate every list, by path; the same options give the same bytes.

    A list of the contract that nothing is generated for is empty.
    """
    sizes = vocabulary.choose_sizes(options.invoices)
    catalog = master_data.make_catalog(sizes.products, seeded_random(options.seed, "products"))
    buyers = master_data.make_buyers(sizes.customers)
    length = documents.DocumentLength(options.lines, options.long_every)
    sales = documents.generate_sales(
        sizes, catalog, buyers, length, seeded_random(options.seed, "sales")
    )
    purchases = documents.generate_purchases(
        sizes, catalog, length, seeded_random(options.seed, "purchases")
    )
    rows: dict[str, Iterable[bytes]] = {
        "products": master_data.encode_products(catalog),
        "customers": master_data.encode_customers(buyers, sales.receivable),
        "vendors": master_data.encode_vendors(sizes.vendors, purchases.payable),
        "invoices": sales.invoices,
        "purchase-orders": purchases.orders,
        "sales-orders": sales.orders,
    }
    shift = (options.last_day - vocabulary.LAST_DAY).days if options.last_day else 0
    return {
        path: RecordList(vocabulary.shift_dates(rows.get(path, ()), shift), options, path)
        for path in (endpoint.path for endpoint in ENDPOINTS)
    }
