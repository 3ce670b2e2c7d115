"""Options, behaviour and seeded random numbers."""

from dataclasses import fields
from typing import Any

import pytest

from p4books_sandbox import Options
from p4books_sandbox.options import Behaviour, PageParameters, seeded_random


def test_defaults_are_the_contract_s() -> None:
    """By default a sandbox allows a hundred requests a minute and counts pages from 1."""
    assert (Options().limit, Options().window) == (100, 60.0)
    assert Options().page_parameters == PageParameters("page", "page_size", 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"invoices": -1}, "invoices must be 0 or more, not -1."),
        ({"lines": 0}, "lines must be 1 or more, not 0."),
        ({"limit": -1}, "limit must be 0 or more, not -1."),
        ({"page_size": 0}, "page_size must be 1 or more, not 0."),
        ({"page_size_cap": 0}, "page_size_cap must be 1 or more, not 0."),
        ({"window": 0.0}, "window must be more than 0 seconds, not 0."),
        ({"window": float("nan")}, "window must be more than 0 seconds, not nan."),
        ({"foreign": 100}, "foreign must be at least 0 and less than limit."),
        ({"foreign": -1}, "foreign must be at least 0 and less than limit."),
        ({"blocked_for": -1.0}, "blocked_for must be 0 seconds or more."),
        ({"blocked_from": float("inf")}, "blocked_from must be 0 seconds or more."),
        ({"key": ""}, "key must be printable ASCII characters without spaces."),
        ({"key": "a b"}, "key must be printable ASCII characters without spaces."),
        ({"past_end": "500"}, "past_end must be one of empty, 404, last, not '500'."),
        ({"page_parameter": ""}, "page_parameter must not be empty."),
        ({"hidden": "Void"}, "hidden must be a sequence of names, like ['Void'], not one string."),
        ({"nulls": ["id"]}, "Every record has an id: it can't be left out, null or mixed."),
    ],
)
def test_invalid_option(wrong: dict[str, Any], message: str) -> None:
    """An option that is not allowed is refused with one sentence."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its message is compared below
        Options(**wrong)

    assert str(refusal.value) == message


def test_every_behaviour_has_a_help_text() -> None:
    """Each option of Behaviour has a text for `--help`."""
    assert all(option.metadata["help"] for option in fields(Behaviour))


def test_random_numbers_never_change() -> None:
    """The numbers are the same in every run and version: published figures depend on them."""
    draw = seeded_random(7, "sales")

    assert [round(draw(), 6) for _ in range(3)] == [0.768867, 0.05405, 0.403272]


def test_random_numbers_depend_on_seed_and_purpose() -> None:
    """Another seed or another purpose gives other numbers."""
    sources = [(7, "sales"), (8, "sales"), (7, "purchases")]

    assert len({seeded_random(seed, purpose)() for seed, purpose in sources}) == 3
