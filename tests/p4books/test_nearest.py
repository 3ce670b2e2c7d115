"""What was meant by an unknown word?"""

import pytest

from p4books.nearest import nearest


@pytest.mark.parametrize(
    ("word", "known", "end"),
    [
        ("invoice", ["customers", "invoices"], "; did you mean invoices?"),
        ("xyz", ["customers", "invoices"], "; known are customers, invoices."),
        ("xyz", [], "; none is set."),
    ],
)
def test_nearest(word: str, known: list[str], end: str) -> None:
    """An unknown word is answered with the nearest known one, else with all there are."""
    assert nearest(word, known) == end
