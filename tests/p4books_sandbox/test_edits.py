"""How is a true answer spoiled?"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from p4books_sandbox import Fault, Sandbox
from p4books_sandbox.faults import EDITS, Spoiling, spoiled

Ask = Callable[..., requests.Response]

ROWS: list[dict[str, Any]] = [
    {"id": 1, "code": "A", "total": 10.7},
    {"id": 2, "Code": "B"},
    {"id": 3},
]
VALUES = {
    "overflow": '{"id":1,"code":"A","total":1e400}',
    "nan": '"total":NaN}',
    "infinity": '"total":Infinity}',
    "long_id": '{"id":1234567890123456789,"code":"A","total":10.7}',
    "zero_date": '"total":10.7,"document_date":"0000-00-00"}',
    "surrogate": '"code":"\\ud800",',
    "nul": '"code":"A\\u0000B",',
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox that the tests of this file stage their faults in."""
    with Sandbox(data={"invoices": ROWS}, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def spoil(running: Sandbox, ask: Ask) -> Callable[..., str]:
    """Read the invoices spoiled, then see that all is well again."""

    def read(kind: str, path: str = "invoices", **words: Any) -> str:
        running.faults.stage(Fault(kind, **words))
        answer = ask(running, path)
        assert answer.status_code == 200
        assert ask(running, "invoices").json()["data"] == ROWS
        return answer.text

    return read


def _ids(text: str) -> list[int]:
    return [row["id"] for row in json.loads(text)["data"]]


def test_data_null(spoil: Callable[..., str]) -> None:
    """Rows may be announced and none given."""
    assert json.loads(spoil("data_null")) == {"data": None, "total": 3, "page": 1}
    assert json.loads(spoil("data_null", "products")) == {"data": None, "total": 5, "page": 1}


def test_wrong_page_echo(spoil: Callable[..., str]) -> None:
    """The answer may say it is another page; its rows stay as they are."""
    assert json.loads(spoil("wrong_page_echo")) == {"data": ROWS, "total": 3, "page": 2}


@pytest.mark.parametrize(("rows", "given"), [(1, [1, 2]), (2, [1]), (9, [])])
def test_short(spoil: Callable[..., str], rows: int, given: list[int]) -> None:
    """Fewer rows may be given than are announced."""
    text = spoil("short", rows=rows)

    assert (_ids(text), json.loads(text)["total"]) == (given, 3)


@pytest.mark.parametrize(
    ("row", "ids"), [(0, [1, 1, 2, 3]), (-1, [1, 2, 3, 3]), (None, [1, 1, 2, 2, 3, 3])]
)
def test_twice(spoil: Callable[..., str], row: int | None, ids: list[int]) -> None:
    """A row, the last one or every one may stand twice on a page."""
    assert _ids(spoil("twice", row=row)) == ids


def test_no_id(spoil: Callable[..., str]) -> None:
    """A row may have no id."""
    assert json.loads(spoil("no_id", row=1))["data"] == [ROWS[0], {"Code": "B"}, ROWS[2]]


@pytest.mark.parametrize(("kind", "part"), VALUES.items())
def test_values(spoil: Callable[..., str], kind: str, part: str) -> None:
    """A field of the first row may hold what few programs expect; the other rows do not."""
    text = spoil(kind)

    assert text.count(part) == 1
    assert text.endswith(',{"id":2,"Code":"B"},{"id":3}],"total":3,"page":1}')


def test_value(spoil: Callable[..., str]) -> None:
    """Any field may hold any text, in any row and in that row's spelling."""
    text = spoil("value", field="code", text="-", row=None)

    assert text.startswith(
        '{"data":[{"id":1,"code":-,"total":10.7},{"id":2,"Code":-},{"id":3,"code":-}]'
    )


def test_another_field(spoil: Callable[..., str]) -> None:
    """What a kind writes may stand in another field than its usual one."""
    assert '"balance":NaN' in spoil("nan", field="balance", row=2)


def test_huge(spoil: Callable[..., str]) -> None:
    """An answer may have many megabytes, and be right."""
    text = spoil("huge", megabytes=3)

    assert len(text) > 3 << 20
    assert _ids(text) == [1, 2, 3]


def test_deep(spoil: Callable[..., str]) -> None:
    """A record may hold lists in lists, deeper than programs go."""
    text = spoil("deep", levels=100_000)

    assert '"sandbox_depth":' + "[" * 100_000 + "]" * 100_000 + "}" in text
    with pytest.raises(RecursionError):
        json.loads(text)


def test_an_empty_page(spoil: Callable[..., str]) -> None:
    """Where there is no row, none is spoiled."""
    assert json.loads(spoil("nan", "vendors")) == {"data": [], "total": 0, "page": 1}


def test_other_figures_stay() -> None:
    """An amount that is not edited keeps every figure."""
    body = b'{"data":[{"total":1234567890123456.78}],"total":1,"page":1}'

    assert spoiled(EDITS["no_id"], Spoiling(), body) == body


def test_every_edit_is_tested() -> None:
    """An edit added to the table needs its test here."""
    assert all(f"test_{kind}" in globals() for kind in EDITS if kind not in VALUES)
