"""How is JSON read that a person wrote?"""

from decimal import Decimal

import pytest

from p4books.storage.exact_json import parse_strict


def test_digits() -> None:
    """Numbers keep all their digits, and names their text without the blanks around it."""
    found = parse_strict('{" a ": 0.10, "b": 12345678901234567890, "c": 1e2}')

    assert found == {"a": Decimal("0.10"), "b": 12345678901234567890, "c": Decimal("1E+2")}
    assert str(found["a"]) == "0.10"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "the name a stands there twice"),
        ('{"a": {"": 1}}', "a field has no name"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        (f"[{'9' * 5000}]", "is too large"),
        ("[1e99999999999999999999]", "is too large"),
        ("[1,", "Expecting value"),
    ],
)
def test_refused(text: str, why: str) -> None:
    """What a person can't have meant is refused, and it is said what it is."""
    with pytest.raises(ValueError, match=why):
        parse_strict(text)
