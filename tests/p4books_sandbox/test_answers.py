"""How is an answer written that is not a page?"""

import pytest

from p4books_sandbox import responses
from p4books_sandbox.store import decode


def test_an_error_is_the_contract_s() -> None:
    """An error has a code, a message and details."""
    answer = responses.not_valid("No.", field="price")

    assert answer.status == 422
    assert decode(answer.body) == {
        "error": {"code": "not_valid", "message": "No.", "details": {"field": "price"}}
    }


@pytest.mark.parametrize(("wait", "told"), [(0.01, "1"), (1.0, "1"), (1.01, "2"), (59.9, "60")])
def test_the_wait_is_never_told_too_short(wait: float, told: str) -> None:
    """Whole seconds are told, rounded up, so that who waits them gets in."""
    assert responses.over_the_limit(wait).headers == {"Retry-After": told}


def test_no_answer_repeats_a_key() -> None:
    """Refusing a key does not say it."""
    answer = responses.unknown_key()

    assert answer.status == 401
    assert decode(answer.body)["error"]["message"] == "The API key is missing or wrong."
