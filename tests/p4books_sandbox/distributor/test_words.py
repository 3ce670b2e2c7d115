"""Which words do the books of a Panamanian distributor use?"""

from p4books_sandbox.sample_data import vocabulary


def test_goods_of_every_tax() -> None:
    """There are goods of every ITBMS rate, and no rate of a code that is none."""
    assert {goods[3] for goods in vocabulary.GOODS} == set(vocabulary.TAX_PERCENT)
    assert sorted(vocabulary.TAX_PERCENT.values()) == [0, 7, 10, 15]


def test_goods_of_every_type() -> None:
    """There are goods of every product type."""
    assert {goods[4] for goods in vocabulary.GOODS} == {"Inventory", "Service", "NonInventory"}


def test_nothing_is_said_twice() -> None:
    """Goods, brands, packs and names differ, so that products do."""
    for each in (
        [goods[0] for goods in vocabulary.GOODS],
        vocabulary.BRANDS,
        vocabulary.PACKS,
        vocabulary.NAMES,
    ):
        assert len(set(each)) == len(each)
