"""How large is each list?"""

import pytest

from p4books_sandbox.sample_data.vocabulary import scale_for


def test_masters_without_documents() -> None:
    """A distributor without invoices still has products, customers and vendors."""
    scale = scale_for(0)

    assert (scale.products, scale.customers, scale.vendors) == (200, 60, 20)
    assert scale.purchase_orders == 0


@pytest.mark.parametrize("invoices", [1, 500, 2000, 200_000])
def test_proportions(invoices: int) -> None:
    """More invoices, more of all; products and customers by the hundred or thousand."""
    small, large = scale_for(invoices), scale_for(invoices * 2)

    assert small.purchase_orders == -(-invoices // 5)
    assert 200 <= small.products <= large.products <= 5000
    assert 60 <= small.customers <= large.customers <= 10_000
    assert 20 <= small.vendors <= large.vendors <= 1000
