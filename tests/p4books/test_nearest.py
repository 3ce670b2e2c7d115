"""What was meant by an unknown word?"""

import pytest

from p4books.errors import did_you_mean


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
    assert did_you_mean(word, known) == end


def test_too_many_to_list() -> None:
    """Where there are too many words to list, another end is said; the nearest comes first."""
    assert did_you_mean("xyz", ["ar_aging"], "`p4books models` lists them.") == (
        "; `p4books models` lists them."
    )
    assert did_you_mean("ar_agin", ["ar_aging"], "-") == "; did you mean ar_aging?"
