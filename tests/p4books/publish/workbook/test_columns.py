"""Order of the columns on a sheet."""

import pytest

from p4books.publish.query import CatalogColumn
from p4books.publish.workbook.columns import arrange_columns

# columns of a model, a bar, its period: the order, with a bar after what names a row and before
# what is hidden
ORDERS = {
    "invoice_id customer_id invoice_code customer_name tax_id document_on month_on net": (
        "month_on",
        "month_on invoice_code tax_id customer_name | document_on net | invoice_id customer_id",
    ),
    "invoice_id customer_id invoice_code customer_code customer_name document_on balance": (
        "",
        "document_on invoice_code customer_code customer_name | balance | invoice_id customer_id",
    ),
    "product_id customer_id product_code product_name customer_name month_on net": (
        "month_on",
        "month_on product_code product_name | customer_name net | product_id customer_id",
    ),
    "customer_id product_id currency month_on net": (
        "month_on",
        "month_on | customer_id product_id currency net |",
    ),
    "customer_id rank customer_name top_product_id top_product_name": (
        "",
        "rank customer_name | top_product_name | customer_id top_product_id",
    ),
    "document_type document_id document_code seen_at": (
        "seen_at",
        "seen_at document_type document_code | | document_id",
    ),
    "currency net": ("", "| currency net |"),
    "vendor_id vendor_name extra row_hash": ("", "vendor_name | | vendor_id extra row_hash"),
    "extra": ("", "| extra |"),
}


@pytest.mark.parametrize("names", ORDERS)
def test_order(names: str) -> None:
    """Day, number, RUC and name come first; ids of what has a name are last."""
    period, expected = ORDERS[names]
    columns = [CatalogColumn(name, "VARCHAR", "") for name in names.split()]

    order = arrange_columns(columns, period)

    arranged = [columns[at].name for at in order.positions]
    shown = len(arranged) - order.hidden
    parts = (arranged[: order.naming], arranged[order.naming : shown], arranged[shown:])
    assert " | ".join(map(" ".join, parts)).split() == expected.split()


def test_numbers_are_no_internal_ids() -> None:
    """The number of a run is for people, who ask for it by that number."""
    columns = [CatalogColumn("run_id", "BIGINT", ""), CatalogColumn("run_code", "VARCHAR", "")]

    assert arrange_columns(columns).hidden == 0
