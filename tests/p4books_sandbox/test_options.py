"""What may differ from one sandbox to the next?"""

from typing import Any

import pytest

from p4books_sandbox import Options


def test_defaults_are_the_contract_s() -> None:
    """Untouched, a sandbox gives a hundred requests a minute."""
    assert (Options().limit, Options().window) == (100, 60.0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"invoices": -1}, "invoices must be 0 or more, not -1."),
        ({"lines": 0}, "lines must be 1 or more, not 0."),
        ({"limit": -1}, "limit must be 0 or more, not -1."),
        ({"page_size": 0}, "page_size must be 1 or more, not 0."),
        ({"page_size_cap": 0}, "page_size_cap must be 1 or more, not 0."),
        ({"window": 0.0}, "window must be more than 0 seconds, not 0."),
        ({"window": float("nan")}, "window must be more than 0 seconds, not nan."),
        ({"foreign": 100}, "foreign must be from 0 to less than the limit."),
        ({"foreign": -1}, "foreign must be from 0 to less than the limit."),
        ({"blocked_for": -1.0}, "blocked_for must be 0 seconds or more."),
        ({"blocked_from": float("inf")}, "blocked_from must be 0 seconds or more."),
        ({"key": ""}, "key must be plain letters, figures or signs, without spaces."),
        ({"key": "a b"}, "key must be plain letters, figures or signs, without spaces."),
    ],
)
def test_what_cannot_be_is_said(wrong: dict[str, Any], sentence: str) -> None:
    """A setting that can't be is refused with a sentence."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its words are compared below
        Options(**wrong)

    assert str(refusal.value) == sentence
