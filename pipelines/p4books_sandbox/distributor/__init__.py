"""Whose books are they, when nobody brings any?

A made-up Panamanian distributor's."""

from collections.abc import Iterable

from p4books_sandbox.chance import chance
from p4books_sandbox.distributor import days, parties, products, purchases, sales
from p4books_sandbox.distributor.scale import scale_for
from p4books_sandbox.options import Options
from p4books_sandbox.records import RecordList


def generate(options: Options) -> dict[str, RecordList]:
    """Make all six lists, by path; the same options give the same bytes."""
    scale = scale_for(options.invoices)
    catalog = products.catalog(scale.products, chance(options.seed, "products"))
    buyers = parties.buyers(scale.customers)
    sold = sales.sell(scale.invoices, catalog, buyers, options.lines, chance(options.seed, "sales"))
    bought = purchases.buy(scale, catalog, options.lines, chance(options.seed, "purchases"))
    rows: dict[str, Iterable[bytes]] = {
        "products": products.encoded(catalog),
        "customers": parties.customers(buyers, sold.owed),
        "vendors": parties.vendors(scale.vendors, bought.owing),
        "invoices": sold.invoices,
        "purchase-orders": bought.orders,
        "sales-orders": sold.orders,
    }
    later = (options.last_day - days.LAST_DAY).days if options.last_day else 0
    return {
        path: RecordList(days.shifted(each, later), options, path) for path, each in rows.items()
    }
