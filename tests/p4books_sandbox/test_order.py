"""In which order do the rows of a list stand?"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from p4books_sandbox import Sandbox
from p4books_sandbox.store import ORDERS

Ask = Callable[..., requests.Response]


def _ids(ask: Ask, sandbox: Sandbox, path: str = "invoices") -> list[int]:
    return [row["id"] for row in ask(sandbox, path + "?page_size=500").json()["data"]]


@pytest.mark.parametrize(
    ("order", "ids"),
    [("ascending", [*range(1, 41), 41, 42]), ("descending", [42, 41, *range(40, 0, -1)])],
)
def test_by_id(ask: Ask, order: str, ids: list[int]) -> None:
    """Rows stand by id; those posted or put in stand where the newest are."""
    with Sandbox(invoices=40, order=order) as sandbox:
        ask(sandbox, "invoices", "POST", json={"code": "NEW"})
        sandbox.books["invoices"].insert({"code": "NEWER"})

        assert _ids(ask, sandbox) == ids
        assert sandbox.books["invoices"].ids() == ids


def test_by_date(ask: Ask) -> None:
    """Rows stand by the day they were made; a row of an earlier day is put in between."""
    with Sandbox(invoices=40, order="date", limit=0) as sandbox:
        ask(sandbox, "vendors", "POST", json={"date_created": "2024-01-01T00:00:00Z"})
        ask(sandbox, "vendors", "POST", json={})
        rows = ask(sandbox, "vendors?page_size=500").json()["data"]

    dates = [row["date_created"] for row in rows[:-1]]
    assert dates == sorted(dates)
    assert dates.index("2024-01-01T00:00:00Z") not in {0, len(dates) - 1}
    assert rows[-1] == {"id": rows[-1]["id"]}


def test_by_date_backwards(ask: Ask) -> None:
    """The newest may stand first; a row without date is the newest, an older one goes between."""
    with Sandbox(invoices=40, order="newest_date", limit=0) as sandbox:
        ask(sandbox, "vendors", "POST", json={"date_created": "2024-01-01T00:00:00Z"})
        ask(sandbox, "vendors", "POST", json={})
        rows = ask(sandbox, "vendors?page_size=500").json()["data"]

    dates = [row["date_created"] for row in rows[1:]]
    assert dates == sorted(dates, reverse=True)
    assert dates.index("2024-01-01T00:00:00Z") not in {0, len(dates) - 1}
    assert rows[0] == {"id": rows[0]["id"]}


def test_without_order(ask: Ask) -> None:
    """Rows stand anyhow, but each time and in each sandbox the same; new ones come anywhere."""
    orders = []
    for _ in range(2):
        with Sandbox(invoices=40, order="none") as sandbox:
            first = _ids(ask, sandbox)
            for _ in range(6):
                sandbox.books["invoices"].insert({})
            orders.append((first, _ids(ask, sandbox)))

    (first, later), again = orders
    assert (first, later) == again
    assert sorted(first) == list(range(1, 41)) != first
    assert [each for each in later if each <= 40] == first
    assert len({later.index(new) for new in range(41, 47)} - {0, *range(40, 46)}) > 2


def test_another_seed(ask: Ask) -> None:
    """Another seed, another disorder."""
    with (
        Sandbox(invoices=40, order="none") as one,
        Sandbox(invoices=40, order="none", seed=8) as other,
    ):
        assert _ids(ask, one) != _ids(ask, other)


@pytest.mark.parametrize("order", ORDERS)
def test_hand_written_rows_stay(ask: Ask, order: str) -> None:
    """Rows written by hand stand as they were given, and a position given is kept."""
    data: dict[str, list[dict[str, Any]]] = {"invoices": [{"id": 7}, {"id": 2}, {"id": 5}]}
    with Sandbox(data=data, order=order) as sandbox:
        sandbox.books["invoices"].insert({"id": 9}, at=1)

        assert _ids(ask, sandbox) == [7, 9, 2, 5]
