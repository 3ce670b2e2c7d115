"""What is answered to who asks for a page?"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from p4books_sandbox import Options, RecordList, Sandbox
from p4books_sandbox.responses import Asked, listing

Ask = Callable[..., requests.Response]
FIVE = {"vendors": [{"name": name} for name in "abcde"]}


def _asked(ask: Ask, query: str, **ways: Any) -> requests.Response:
    with Sandbox(data=FIVE, page_size=2, limit=0, **ways) as sandbox:
        return ask(sandbox, "vendors" + query)


def _ids(answer: requests.Response) -> list[int]:
    return [row["id"] for row in answer.json()["data"]]


def test_answer() -> None:
    """Rows that are JSON already become a list's answer, byte by byte."""
    books = RecordList([b'{"id":1}', b"{}"])
    page = listing(Options())

    assert page(books, Asked(1, 9)).body == b'{"data":[{"id":1},{}],"total":2,"page":1}'
    assert page(books, Asked(3, 9)).body == b'{"data":[],"total":2,"page":3}'


@pytest.mark.parametrize(
    ("past_end", "status", "ids", "page"),
    [("empty", 200, [], 4), ("404", 404, None, None), ("last", 200, [5], 3)],
)
def test_past_the_end(
    ask: Ask, past_end: str, status: int, ids: list[int] | None, page: int | None
) -> None:
    """Past the last page come no rows, 404, or the last page again; before it nothing differs."""
    answer = _asked(ask, "?page=4", past_end=past_end)

    assert (answer.status_code, answer.json().get("page")) == (status, page)
    assert ids is None or _ids(answer) == ids
    assert _ids(_asked(ask, "?page=3", past_end=past_end)) == [5]


@pytest.mark.parametrize("past_end", ["empty", "404", "last"])
def test_an_empty_list_has_a_first_page(ask: Ask, past_end: str) -> None:
    """The first page of an empty list is there, whatever comes past the end."""
    with Sandbox(empty=True, past_end=past_end) as sandbox:
        assert ask(sandbox, "vendors").json() == {"data": [], "total": 0, "page": 1}


def test_the_page_is_ignored(ask: Ask) -> None:
    """Page 1 is given whatever page is asked for, and says that it is page 1."""
    answer = _asked(ask, "?page=2", ignores_page=True)

    assert (_ids(answer), answer.json()["page"]) == ([1, 2], 1)


def test_the_size_is_ignored(ask: Ask) -> None:
    """The default size is given whatever size is asked for."""
    assert _ids(_asked(ask, "?page=2&page_size=3", ignores_page_size=True)) == [3, 4]


@pytest.mark.parametrize(
    ("over_cap", "query", "ids"),
    [
        ("capped", "?page_size=4", [1, 2, 3]), ("default", "?page_size=4", [1, 2]),
        ("default", "?page_size=3", [1, 2, 3]), ("refused", "?page_size=3", [1, 2, 3]),
    ],
)  # fmt: skip
def test_over_the_cap(ask: Ask, over_cap: str, query: str, ids: list[int]) -> None:
    """A size over the cap gets the cap, or the default size; one up to it is what it is."""
    assert _ids(_asked(ask, query, over_cap=over_cap, page_size_cap=3)) == ids


def test_over_the_cap_is_refused(ask: Ask) -> None:
    """A size over the cap may be refused."""
    answer = _asked(ask, "?page_size=4", over_cap="refused", page_size_cap=3)

    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "page_size must be 3 or less."


@pytest.mark.parametrize(
    ("query", "ids", "page"), [("", [1, 2], 0), ("?page=0", [1, 2], 0), ("?page=1", [3, 4], 1)]
)
def test_pages_from_0(ask: Ask, query: str, ids: list[int], page: int) -> None:
    """Pages may be counted from 0; then page 1 is the second."""
    answer = _asked(ask, query, first_page="0")

    assert (_ids(answer), answer.json()["page"]) == (ids, page)


def test_the_last_page_from_0(ask: Ask) -> None:
    """Past the end the last page comes again with its number, wherever counting begins."""
    assert _asked(ask, "?page=9", first_page="0", past_end="last").json()["page"] == 2


def test_other_names(ask: Ask) -> None:
    """Page and size can be asked for by other names; the usual ones are let be then."""
    names: dict[str, Any] = {"page_parameter": "PageNumber", "page_size_parameter": "PageSize"}
    with Sandbox(data=FIVE, page_size=2, **names) as sandbox:
        taken = ask(sandbox, "vendors?PageNumber=2&PageSize=3")
        not_taken = ask(sandbox, "vendors?page=2&page_size=3")
        wrong = ask(sandbox, "vendors?PageSize=0")
        arrivals = sandbox.requests

    assert (_ids(taken), _ids(not_taken)) == ([4, 5], [1, 2])
    assert wrong.json()["error"]["details"] == {"parameter": "PageSize"}
    assert [(each.page, each.page_size) for each in arrivals[:2]] == [(2, 3), (1, None)]


@pytest.mark.parametrize(
    ("total", "told"),
    [("list", {"total": 5}), ("page", {"total": 2}), ("null", {"total": None}), ("missing", {})],
)
def test_totals(ask: Ask, total: str, told: dict[str, Any]) -> None:
    """The total may count the list or the page, or not be told."""
    answer = _asked(ask, "?page=2", total=total).json()

    assert {name: answer[name] for name in answer if name != "data"} == {**told, "page": 2}


@pytest.mark.parametrize(
    ("echo", "told"), [("given", {"page": 3}), ("asked", {"page": 9}), ("missing", {})]
)
def test_echoes(ask: Ask, echo: str, told: dict[str, Any]) -> None:
    """The page told may be the one given or the one asked for, or not be told."""
    answer = _asked(ask, "?page=9", echo=echo, past_end="last").json()

    assert {name: answer[name] for name in answer if name != "data"} == {"total": 5, **told}
