"""Which answer does each path give?"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from p4books_sandbox import Sandbox
from p4books_sandbox.contract import ENDPOINTS

Ask = Callable[..., requests.Response]
PATHS = [endpoint.path for endpoint in ENDPOINTS]
WRITABLE = [endpoint.path for endpoint in ENDPOINTS if endpoint.new]


@pytest.mark.parametrize("path", PATHS)
def test_a_list(shared: Sandbox, ask: Ask, path: str) -> None:
    """A list gives its first page, the number of all its rows, and the page."""
    answer = ask(shared, path)

    records = shared.books[path].records()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"data": records[:50], "total": len(records), "page": 1}


def test_every_page(shared: Sandbox, ask: Ask) -> None:
    """Page after page gives the whole list; the page after the last is empty."""
    pages = [ask(shared, "invoices?page_size=30&page=" + str(page)).json() for page in range(1, 9)]

    assert [row for page in pages for row in page["data"]] == shared.books["invoices"].records()
    assert [page["page"] for page in pages] == list(range(1, 9))
    assert [len(page["data"]) for page in pages] == [30, 30, 30, 30, 30, 30, 20, 0]
    assert {page["total"] for page in pages} == {200}


def test_page_sizes(ask: Ask) -> None:
    """The size is the default, or what was asked for, up to the cap."""
    with Sandbox(invoices=40, limit=0, page_size=7, page_size_cap=10) as sandbox:
        sizes = [
            len(ask(sandbox, "invoices" + query).json()["data"])
            for query in ("", "?page_size=3", "?page_size=10", "?page_size=11", "?page_size=5000")
        ]

    assert sizes == [7, 3, 10, 10, 10]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page_size=0", "page_size="])
def test_a_bad_page(shared: Sandbox, ask: Ask, query: str) -> None:
    """A page that is none is answered 422, with the parameter's name."""
    answer = ask(shared, f"invoices?{query}")

    error = answer.json()["error"]
    assert answer.status_code == 422
    assert error["code"] == "not_valid"
    assert error["details"] == {"parameter": query.partition("=")[0]}


@pytest.mark.parametrize("path", WRITABLE)
def test_create(ask: Ask, path: str) -> None:
    """A posted record comes back with the next id, and stands at the list's end."""
    with Sandbox(invoices=3, limit=0) as sandbox:
        before = len(sandbox.books[path])
        answer = ask(sandbox, path, "POST", json={"code": "NEW-1", "ours": {"a": [1]}})
        records = sandbox.books[path].records()

    created = {"id": before + 1, "code": "NEW-1", "ours": {"a": [1]}}
    assert (answer.status_code, answer.json()) == (201, created)
    assert (len(records), records[-1]) == (before + 1, created)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None), (b"{", None), (b"[]", None), (b"null", None), (b'{"name":"\xff"}', None),
        (b'{"total":NaN}', None), (b'{"id":5}', "id"), (b'{"total":"5.00"}', "total"),
        (b'{"lines":[{"price":"5"}]}', "lines.0.price"), (b'{"status":"paid"}', "status"),
    ],
)  # fmt: skip
def test_create_what_is_wrong(shared: Sandbox, ask: Ask, body: bytes, field: str | None) -> None:
    """What is no invoice is refused with 422 and nothing is added."""
    before = len(shared.books["invoices"])
    answer = ask(shared, "invoices", "POST", data=body)

    assert answer.status_code == 422
    assert answer.json()["error"]["details"] == ({"field": field} if field else {})
    assert len(shared.books["invoices"]) == before


@pytest.mark.parametrize(
    ("twins", "status", "rows"),
    [("made", 201, 2), ("refused", 422, 1), ("first", 201, 1), ("conflict", 409, 1)],
)
def test_twins(ask: Ask, twins: str, status: int, rows: int) -> None:
    """A second POST of a code makes a twin, is refused or gives the first; others pass."""
    with Sandbox(empty=True, twins=twins, spelling="pascal") as sandbox:
        first = ask(sandbox, "vendors", "POST", json={"code": "A"})
        again = ask(sandbox, "vendors", "POST", json={"code": "A", "name": "again"})
        found = len(sandbox.books["vendors"])
        others = [ask(sandbox, "vendors", "POST", json={}).status_code for _ in range(2)]

    assert (again.status_code, found, others) == (status, rows, [201, 201])
    assert twins != "first" or again.json() == first.json() == {"Id": 1, "Code": "A"}


@pytest.mark.parametrize("twins", ["made", "refused", "first", "conflict"])
def test_codes_of_its_own(ask: Ask, twins: str) -> None:
    """A server that numbers what it makes shows the code it gave; one that is posted twice, or
    that another record has, is no twin to it."""
    with Sandbox(data={"vendors": [{"code": "A"}]}, codes="own", twins=twins) as sandbox:
        answers = [ask(sandbox, "vendors", "POST", json={"code": "A"}) for _ in range(2)]
        rows = sandbox.books["vendors"].records()

    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.json() for answer in answers] == rows[1:]
    assert [row["code"] for row in rows] == ["A", "VEN-000002", "VEN-000003"]


@pytest.mark.parametrize(("twins", "status"), [("refused", 406), ("conflict", 409)])
def test_a_twin_refused_as_text(ask: Ask, twins: str, status: int) -> None:
    """That a code is taken may be said in bare text; a conflict stays 409."""
    ways: dict[str, Any] = {"twins": twins, "bad_input": "406", "bad_input_as": "text"}
    with Sandbox(data={"vendors": [{"code": "A"}]}, **ways) as sandbox:
        answer = ask(sandbox, "vendors", "POST", json={"code": "A"})

    assert (answer.status_code, answer.text) == (status, "There is a record with this code.")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_conflict_names_the_code(ask: Ask) -> None:
    """A conflict is an error as the contract has it, of the field code."""
    with Sandbox(data={"vendors": [{"code": "A"}]}, twins="conflict") as sandbox:
        error = ask(sandbox, "vendors", "POST", json={"code": "A"}).json()["error"]

    assert (error["code"], error["details"]) == ("conflict", {"field": "code"})


@pytest.mark.parametrize("name", ["code", "Code", "CODE"])
def test_a_twin_however_spelt(ask: Ask, name: str) -> None:
    """A code is the same code under any spelling of its name."""
    with Sandbox(data={"vendors": [{"code": "A"}]}, twins="refused") as sandbox:
        assert ask(sandbox, "vendors", "POST", json={name: "A"}).status_code == 422


def test_another_status_of_what_is_created(ask: Ask) -> None:
    """A record that was made may be answered with 200."""
    with Sandbox(empty=True, created="200") as sandbox:
        assert ask(sandbox, "vendors", "POST", json={}).status_code == 200


@pytest.mark.parametrize("status", ["422", "400", "406"])
def test_bad_input(ask: Ask, status: str) -> None:
    """What is wrong may have another status and bare text for a message; nothing is made."""
    with Sandbox(empty=True, bad_input=status, bad_input_as="text") as sandbox:
        answers = [
            ask(sandbox, "vendors", "POST", data=b"[]"),
            ask(sandbox, "vendors", "POST", json={"balance": "5"}),
            ask(sandbox, "vendors?page=x"),
        ]
        made = len(sandbox.books["vendors"])

    assert {answer.status_code for answer in answers} == {int(status)}
    assert {answer.headers["content-type"] for answer in answers} == {"text/plain; charset=utf-8"}
    assert answers[0].text == "The body must be one JSON object."
    assert answers[1].text == "balance: Input should be a valid number."
    assert made == 0


def test_sales_orders_are_not_created(shared: Sandbox, ask: Ask) -> None:
    """Sales orders can be read only."""
    answer = ask(shared, "sales-orders", "POST", json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["error"]["message"] == "POST is not possible here; GET is."


@pytest.mark.parametrize("path", ["nothing", "products/", "products/1", "Products"])
def test_no_such_path(shared: Sandbox, ask: Ask, path: str) -> None:
    """There is nothing beside the eleven operations, not a single record either."""
    answer = ask(shared, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_connection_is_kept(shared: Sandbox) -> None:
    """Requests one after the other go over one connection."""
    headers = {"Authorization": f"Bearer {shared.key}"}
    with requests.Session() as session:
        ports = set()
        for _ in range(3):
            answer: Any = session.get(f"{shared.base_url}/products", headers=headers, stream=True)
            ports.add(answer.raw.connection.sock.getsockname()[1])
            answer.content  # noqa: B018 - read to its end, which gives the connection back

    assert len(ports) == 1
