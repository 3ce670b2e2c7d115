"""Which way does each open point of the contract turn out?"""

from dataclasses import fields
from typing import Any

import pytest

from p4books_sandbox import Options
from p4books_sandbox.options import Ways


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"past_end": "500"}, "past_end must be one of empty, 404, last, not '500'."),
        ({"page_parameter": ""}, "page_parameter must not be empty."),
        ({"hidden": "Void"}, "hidden must be several words, like ['Void'], not one."),
        ({"nulls": ["id"]}, "Every record has its id: it can't be left out, null or mixed."),
    ],
)
def test_what_cannot_be_is_said(wrong: dict[str, Any], sentence: str) -> None:
    """A way that is none is refused with a sentence."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its words are compared below
        Options(**wrong)

    assert str(refusal.value) == sentence


def test_every_way_is_explained() -> None:
    """Each way says what it does, for `--help`."""
    assert all(each.metadata["help"] for each in fields(Ways))
