"""Sandbox in a thread, as tests use it."""

import threading
import time
from collections.abc import Callable

import pytest
import requests

from p4books_sandbox import Arrival, Sandbox

SendRequest = Callable[..., requests.Response]


def test_start_and_stop_quickly(send: SendRequest) -> None:
    """A sandbox starts, responds and stops well within a second, and leaves no thread."""
    before = threading.active_count()
    began = time.monotonic()

    with Sandbox(invoices=50) as sandbox:
        assert send(sandbox, "invoices").json()["total"] == 50

    assert time.monotonic() - began < 1
    assert threading.active_count() == before
    with pytest.raises(requests.exceptions.ConnectionError):
        send(sandbox, "invoices")


def test_two_at_once(send: SendRequest) -> None:
    """Two sandboxes are independent of each other."""
    with Sandbox(empty=True) as one, Sandbox(empty=True) as other:
        send(one, "vendors", "POST", json={})

        assert (len(one.books["vendors"]), len(other.books["vendors"])) == (1, 0)
        assert (len(one.requests), len(other.requests)) == (1, 0)


def test_empty(send: SendRequest) -> None:
    """An empty sandbox has all lists without a row."""
    with Sandbox(empty=True) as sandbox:
        pages = [send(sandbox, path).json() for path in sandbox.books]

    assert pages == [{"data": [], "total": 0, "page": 1}] * len(sandbox.books)


def test_hand_written_records(send: SendRequest) -> None:
    """Hand-written records of any shape are returned as written."""
    row = {"Id": "4f7c", "DocumentDate": "2026-03-31T00:00:00Z", "Total": "1,000.00"}
    with Sandbox(data={"invoices": [row]}) as sandbox:
        sandbox.books["invoices"].insert({"id": 1, "Lines": None}, at=0)

        assert send(sandbox, "invoices").json()["data"] == [{"id": 1, "Lines": None}, row]


def test_records_of_an_unknown_list() -> None:
    """Records for an unknown list are refused with a sentence."""
    with pytest.raises(ValueError, match=r"There is no list 'invoice'\. Available: products, "):
        Sandbox(data={"invoice": []})


def test_before_each(send: SendRequest) -> None:
    """Rows can be moved before the response to each list request, but not to a POST."""
    seen: list[Arrival] = []
    with Sandbox(data={"vendors": [{}, {}, {}]}) as sandbox:

        def delete_first(arrival: Arrival) -> None:
            seen.append(arrival)
            sandbox.books["vendors"].delete(len(seen))

        sandbox.before_each = delete_first
        pages = [send(sandbox, f"vendors?page_size=1&page={page}").json() for page in (1, 2)]
        send(sandbox, "products", "POST", json={})

    assert [page["data"] for page in pages] == [[{"id": 2}], []]
    assert [(each.endpoint, each.page, each.status) for each in seen] == [
        ("vendors", 1, None),
        ("vendors", 2, None),
    ]


def test_error_in_before_each(send: SendRequest) -> None:
    """An error of the test is not lost in the server's thread."""

    def fail(_: Arrival) -> None:
        raise AssertionError("seen")

    sandbox = Sandbox(empty=True)
    sandbox.before_each = fail
    with pytest.raises(AssertionError, match="seen"), sandbox:
        send(sandbox, "products")

    assert sandbox.requests[0].status == 500


def test_forget(send: SendRequest) -> None:
    """The request log and the number of refused requests can be reset."""
    with Sandbox(empty=True, limit=1) as sandbox:
        send(sandbox, "products")
        send(sandbox, "products")
        sandbox.forget()

        assert (sandbox.requests, sandbox.refused) == ([], 0)


def test_forbidden_list(send: SendRequest) -> None:
    """A list can be forbidden, and permitted again."""
    with Sandbox(empty=True) as sandbox:
        sandbox.forbid("invoices")
        statuses = [send(sandbox, path).status_code for path in ("invoices", "products")]
        sandbox.permit("invoices")

        assert statuses == [403, 200]
        assert send(sandbox, "invoices").status_code == 200
