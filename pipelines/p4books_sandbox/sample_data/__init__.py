"""Whose books are they, when nobody brings any?

A made-up Panamanian distributor's."""

from collections.abc import Iterable

from p4books_sandbox.options import Options, chance
from p4books_sandbox.sample_data import documents, master_data, vocabulary
from p4books_sandbox.sample_data.vocabulary import scale_for
from p4books_sandbox.store import RecordList


def generate(options: Options) -> dict[str, RecordList]:
    """Make all six lists, by path; the same options give the same bytes."""
    scale = scale_for(options.invoices)
    catalog = master_data.catalog(scale.products, chance(options.seed, "products"))
    buyers = master_data.buyers(scale.customers)
    sold = documents.sell(
        scale.invoices, catalog, buyers, options.lines, chance(options.seed, "sales")
    )
    bought = documents.buy(scale, catalog, options.lines, chance(options.seed, "purchases"))
    rows: dict[str, Iterable[bytes]] = {
        "products": master_data.encoded(catalog),
        "customers": master_data.customers(buyers, sold.owed),
        "vendors": master_data.vendors(scale.vendors, bought.owing),
        "invoices": sold.invoices,
        "purchase-orders": bought.orders,
        "sales-orders": sold.orders,
    }
    later = (options.last_day - vocabulary.LAST_DAY).days if options.last_day else 0
    return {
        path: RecordList(vocabulary.shifted(each, later), options, path)
        for path, each in rows.items()
    }
