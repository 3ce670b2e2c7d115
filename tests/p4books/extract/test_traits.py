"""How does this tenant's API behave, where the contract leaves it open?"""

from collections.abc import Callable
from typing import Any

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import PageIgnored, Refused
from p4books.extract.probe import ApiCapabilities, detect_capabilities
from p4books.settings import Settings
from p4books_sandbox import Sandbox

MakeSettings = Callable[..., Settings]
Ask = Callable[..., tuple[ApiCapabilities, int]]


@pytest.fixture
def ask(make_settings: MakeSettings) -> Ask:
    """Ask a sandbox of 137 invoices with these ways; give what was found out, and its requests."""

    def find(size: int = 30, **ways: Any) -> tuple[ApiCapabilities, int]:
        options = {"invoices": 137, "limit": 0, "page_size": 20, "page_size_cap": 50, **ways}
        with Sandbox(**options) as sandbox:
            found = detect_capabilities(
                make_settings(sandbox, page_size=size), ENDPOINTS["invoices"]
            )
            return found, len(sandbox.requests)

    return find


def test_as_expected(ask: Ask) -> None:
    """An API that is as we hope costs six requests, and tells the cap of its pages."""
    assert ask() == (
        ApiCapabilities(
            endpoint="invoices",
            rows=137,
            order="oldest first",
            page_size=30,
            most_rows=50,
            past_end="no rows",
            page_param="page",
            page_size_param="page_size",
            limits=(),
        ),
        6,
    )


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        ({"order": "descending"}, {"order": "newest first"}),
        ({"order": "date"}, {"order": "oldest first"}),
        ({"order": "newest_date"}, {"order": "newest first"}),
        ({"order": "none"}, {"order": "none"}),
        ({"past_end": "404"}, {"past_end": "404"}),
        ({"past_end": "last"}, {"past_end": "the last page again"}),
        ({"past_end": "last", "echo": "asked"}, {"past_end": "the last page again"}),
        ({"page_parameter": "PageNumber"}, {"page_param": "PageNumber", "rows": 137}),
        (
            {"page_parameter": "Page", "echo": "asked"},
            {"page_param": "Page", "past_end": "no rows"},
        ),
        ({"page_size_parameter": "limit"}, {"page_size_param": "limit", "page_size": 20}),
        ({"ignores_page_size": True}, {"page_size_param": None, "page_size": 20, "most_rows": 20}),
        ({"over_cap": "default"}, {"page_size": 30, "most_rows": 20}),
        ({"over_cap": "refused"}, {"page_size": 30, "most_rows": 30}),
        ({"over_cap": "refused", "size": 500}, {"page_size": 50, "most_rows": 50}),
        ({"total": "missing"}, {"rows": None, "page_param": "page", "past_end": None}),
        ({"total": "page"}, {"rows": None, "page_param": "page", "past_end": None}),
        ({"total": "page", "page_parameter": "Page"}, {"rows": None, "page_param": "Page"}),
        (
            {"limit_headers": "seconds", "limit": 1000},
            {"limits": ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")},
        ),
        ({"invoices": 0}, {"rows": 0, "order": None, "page_param": None, "most_rows": None}),
        ({"invoices": 10}, {"order": None, "page_param": None, "page_size_param": "page_size"}),
        ({"invoices": 30}, {"rows": 30, "order": None, "page_param": "page"}),
        ({"invoices": 30, "past_end": "last"}, {"rows": 30, "order": None, "page_param": None}),
    ],
    ids=str,
)
def test_each_way(ask: Ask, ways: dict[str, Any], told: dict[str, object]) -> None:
    """Whichever way a point turns out it is told, in a dozen requests."""
    found, requests = ask(**ways)

    assert {name: getattr(found, name) for name in told} == told
    assert requests <= 12


@pytest.mark.parametrize("echo", ["given", "asked"])
def test_page_ignored(ask: Ask, echo: str) -> None:
    """Where no name we know gives another page, that is said."""
    with pytest.raises(PageIgnored, match="Set `page_param`"):
        ask(ignores_page=True, echo=echo)


def test_every_size_refused(ask: Ask) -> None:
    """A list that can't be read in any size is said to be refused."""
    with pytest.raises(Refused, match="422"):
        ask(page_size_cap=5, over_cap="refused")
