"""How large is each list?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Rows of the lists that do not follow from others."""

    invoices: int
    products: int
    customers: int
    vendors: int
    purchase_orders: int


def scale_for(invoices: int) -> Scale:
    """Give a distributor's proportions for a number of invoices in three years."""
    return Scale(
        invoices=invoices,
        products=min(5000, 200 + invoices // 40),
        customers=min(10_000, 60 + invoices // 25),
        vendors=min(1000, 20 + invoices // 250),
        purchase_orders=-(-invoices // 5),
    )
