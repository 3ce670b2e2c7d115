"""How does a test hold a sandbox?"""

import threading
import time
from collections.abc import Callable

import pytest
import requests

from p4books_sandbox import Arrival, Fault, Sandbox

Ask = Callable[..., requests.Response]


def test_it_comes_and_goes_quickly(ask: Ask) -> None:
    """A sandbox starts, answers and stops well within a second, and leaves no thread."""
    before = threading.active_count()
    began = time.monotonic()

    with Sandbox(invoices=50) as sandbox:
        assert ask(sandbox, "invoices").json()["total"] == 50

    assert time.monotonic() - began < 1
    assert threading.active_count() == before
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(sandbox, "invoices")


def test_two_at_once(ask: Ask) -> None:
    """Two sandboxes know nothing of each other."""
    with Sandbox(empty=True) as one, Sandbox(empty=True) as other:
        ask(one, "vendors", "POST", json={})

        assert (len(one.books["vendors"]), len(other.books["vendors"])) == (1, 0)
        assert (len(one.requests), len(other.requests)) == (1, 0)


def test_empty(ask: Ask) -> None:
    """An empty sandbox has all six lists without a row."""
    with Sandbox(empty=True) as sandbox:
        answers = [ask(sandbox, path).json() for path in sandbox.books]

    assert answers == [{"data": [], "total": 0, "page": 1}] * 6


def test_hand_written(ask: Ask) -> None:
    """Hand-written records of any shape are answered as they are written."""
    row = {"Id": "4f7c", "DocumentDate": "2026-03-31T00:00:00Z", "Total": "1,000.00"}
    with Sandbox(data={"invoices": [row]}) as sandbox:
        sandbox.books["invoices"].insert({"id": 1, "Lines": None}, at=0)

        assert ask(sandbox, "invoices").json()["data"] == [{"id": 1, "Lines": None}, row]


def test_a_list_that_is_none() -> None:
    """A list that is none is refused with a sentence."""
    with pytest.raises(ValueError, match="There is no list 'invoice'"):
        Sandbox(data={"invoice": []})


def test_before_each(ask: Ask) -> None:
    """Rows can be moved before each list request is answered, and not before a post."""
    seen: list[Arrival] = []
    with Sandbox(data={"vendors": [{}, {}, {}]}) as sandbox:

        def move(arrival: Arrival) -> None:
            seen.append(arrival)
            sandbox.books["vendors"].delete(len(seen))

        sandbox.before_each = move
        pages = [ask(sandbox, f"vendors?page_size=1&page={page}").json() for page in (1, 2)]
        ask(sandbox, "products", "POST", json={})

    assert [page["data"] for page in pages] == [[{"id": 2}], []]
    assert [(each.endpoint, each.page, each.status) for each in seen] == [
        ("vendors", 1, None),
        ("vendors", 2, None),
    ]


def test_what_before_each_raises(ask: Ask) -> None:
    """An error of the test's own is not swallowed by the server's thread."""

    def fail(_: Arrival) -> None:
        raise AssertionError("seen")

    sandbox = Sandbox(empty=True)
    sandbox.before_each = fail
    with pytest.raises(AssertionError, match="seen"), sandbox:
        ask(sandbox, "products")

    assert sandbox.requests[0].status == 500


def test_forget(ask: Ask) -> None:
    """The log can be begun anew."""
    with Sandbox(empty=True, limit=1) as sandbox:
        ask(sandbox, "products")
        ask(sandbox, "products")
        sandbox.forget()

        assert (sandbox.requests, sandbox.refused) == ([], 0)


def test_stops_while_an_answer_is_slow(ask: Ask) -> None:
    """A sandbox does not wait for an answer that is held back."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("slow", seconds=60))
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get(
                f"{sandbox.base_url}/products",
                headers={"Authorization": f"Bearer {sandbox.key}"},
                timeout=0.1,
            )
        began = time.monotonic()

    assert time.monotonic() - began < 3
