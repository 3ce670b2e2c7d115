"""What decides where a choice is left?"""

from p4books_sandbox.options import chance


def test_the_same_in_every_run() -> None:
    """The numbers never change, whatever runs them: published figures rest on them."""
    draw = chance(7, "sales")

    assert [round(draw(), 6) for _ in range(3)] == [0.768867, 0.05405, 0.403272]


def test_seed_and_purpose() -> None:
    """Another seed or another purpose gives other numbers."""
    assert len({chance(7, "sales")(), chance(8, "sales")(), chance(7, "purchases")()}) == 3
