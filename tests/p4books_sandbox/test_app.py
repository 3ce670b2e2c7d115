"""The API behind its middleware, the control API, and the state of a sandbox."""

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from p4books_sandbox import Arrival, Fault, Options, Sandbox
from p4books_sandbox.app import RequestLog, ServerState
from p4books_sandbox.contract import ENDPOINTS

SendRequest = Callable[..., requests.Response]
PATHS = [endpoint.path for endpoint in ENDPOINTS]
WRITABLE = [endpoint.path for endpoint in ENDPOINTS if endpoint.new_record]
DUPLICATES = ["made", "refused", "first", "conflict"]
ARRIVAL = Arrival("GET", "invoices", 1, None, 1.0)
ONE_VENDOR = {"vendors": [{"code": "A"}]}


@pytest.mark.parametrize("path", PATHS)
def test_list(shared: Sandbox, send: SendRequest, path: str) -> None:
    """A list returns its first page, the number of all its rows, and the page."""
    response = send(shared, path)

    records = shared.books[path].records()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"data": records[:50], "total": len(records), "page": 1}


def test_every_page(shared: Sandbox, send: SendRequest) -> None:
    """Page after page returns the whole list; the page after the last is empty."""
    pages = [send(shared, f"invoices?page_size=30&page={page}").json() for page in range(1, 9)]

    assert [row for page in pages for row in page["data"]] == shared.books["invoices"].records()
    assert [page["page"] for page in pages] == list(range(1, 9))
    assert [len(page["data"]) for page in pages] == [30, 30, 30, 30, 30, 30, 20, 0]
    assert {page["total"] for page in pages} == {200}


def test_page_sizes(send: SendRequest) -> None:
    """The page size is the default, or what was requested, up to the cap."""
    with Sandbox(invoices=40, limit=0, page_size=7, page_size_cap=10) as sandbox:
        sizes = [
            len(send(sandbox, "invoices" + query).json()["data"])
            for query in ("", "?page_size=3", "?page_size=10", "?page_size=11", "?page_size=5000")
        ]

    assert sizes == [7, 3, 10, 10, 10]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page_size=0", "page_size="])
def test_invalid_page(shared: Sandbox, send: SendRequest, query: str) -> None:
    """A page that is not valid is refused with 422 and the parameter's name."""
    response = send(shared, f"invoices?{query}")

    error = response.json()["error"]
    assert response.status_code == 422
    assert error["code"] == "not_valid"
    assert error["details"] == {"parameter": query.partition("=")[0]}


@pytest.mark.parametrize("path", ["nothing", "products/", "products/1", "Products"])
def test_unknown_path(shared: Sandbox, send: SendRequest, path: str) -> None:
    """There is nothing besides the contract's operations, not even single records."""
    response = send(shared, path)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", WRITABLE)
def test_create(send: SendRequest, path: str) -> None:
    """A posted record is returned with the next id, and is the last of the list."""
    with Sandbox(invoices=3, limit=0) as sandbox:
        before = len(sandbox.books[path])
        response = send(sandbox, path, "POST", json={"code": "NEW-1", "ours": {"a": [1]}})
        records = sandbox.books[path].records()

    created = {"id": before + 1, "code": "NEW-1", "ours": {"a": [1]}}
    assert (response.status_code, response.json()) == (201, created)
    assert (len(records), records[-1]) == (before + 1, created)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None), (b"{", None), (b"[]", None), (b"null", None), (b'{"name":"\xff"}', None),
        (b'{"total":NaN}', None), (b'{"id":5}', "id"), (b'{"total":"5.00"}', "total"),
        pytest.param(b'{"total":' + b"1" * 5000 + b"}", None, id="5000 digits"),
        (b'{"lines":[{"price":"5"}]}', "lines.0.price"), (b'{"status":"paid"}', "status"),
    ],
)  # fmt: skip
def test_create_invalid(shared: Sandbox, send: SendRequest, body: bytes, field: str | None) -> None:
    """A body that is not a valid invoice is refused with 422 and nothing is added."""
    before = len(shared.books["invoices"])
    response = send(shared, "invoices", "POST", data=body)

    assert response.status_code == 422
    assert response.json()["error"]["details"] == ({"field": field} if field else {})
    assert len(shared.books["invoices"]) == before


def test_create_with_a_large_integer(send: SendRequest) -> None:
    """An integer beyond 64 bits is an integer, and keeps all its digits."""
    body = b'{"lines":[{"line_number":155686639218035026552936202240}]}'
    with Sandbox(empty=True) as sandbox:
        response = send(sandbox, "invoices", "POST", data=body)

    assert (response.status_code, response.content) == (201, b'{"id":1,' + body[1:])


def test_create_read_only(shared: Sandbox, send: SendRequest) -> None:
    """Sales orders can only be read."""
    response = send(shared, "sales-orders", "POST", json={})

    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.json()["error"]["message"] == "POST is not allowed here; GET is."


@pytest.mark.parametrize(
    ("twins", "status", "rows"),
    [("made", 201, 2), ("refused", 422, 1), ("first", 201, 1), ("conflict", 409, 1)],
)
def test_duplicate_code(send: SendRequest, twins: str, status: int, rows: int) -> None:
    """A second POST of a code creates a duplicate, is refused or returns the first record; records
    without a code are created."""
    with Sandbox(empty=True, twins=twins, spelling="pascal") as sandbox:
        first = send(sandbox, "vendors", "POST", json={"code": "A"})
        second = send(sandbox, "vendors", "POST", json={"code": "A", "name": "second"})
        count = len(sandbox.books["vendors"])
        others = [send(sandbox, "vendors", "POST", json={}).status_code for _ in range(2)]

    assert (second.status_code, count, others) == (status, rows, [201, 201])
    assert twins != "first" or second.json() == first.json() == {"Id": 1, "Code": "A"}


@pytest.mark.parametrize("twins", DUPLICATES)
def test_server_assigned_codes(send: SendRequest, twins: str) -> None:
    """A server that assigns codes returns them; a code that is posted twice, or that another record
    has, is not a duplicate."""
    with Sandbox(data=ONE_VENDOR, codes="own", twins=twins) as sandbox:
        created = [send(sandbox, "vendors", "POST", json={"code": "A"}) for _ in range(2)]
        rows = sandbox.books["vendors"].records()

    assert [response.status_code for response in created] == [201, 201]
    assert [response.json() for response in created] == rows[1:]
    assert [row["code"] for row in rows] == ["A", "VEN-000002", "VEN-000003"]


@pytest.mark.parametrize(("twins", "status"), [("refused", 406), ("conflict", 409)])
def test_duplicate_code_refused_as_text(send: SendRequest, twins: str, status: int) -> None:
    """A duplicate code may be refused in plain text; a conflict keeps 409."""
    options: dict[str, Any] = {"twins": twins, "bad_input": "406", "bad_input_as": "text"}
    with Sandbox(data=ONE_VENDOR, **options) as sandbox:
        response = send(sandbox, "vendors", "POST", json={"code": "A"})

    assert (response.status_code, response.text) == (status, "There is a record with this code.")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_conflict_names_the_field(send: SendRequest) -> None:
    """A conflict is an error in the contract's form, about the field code."""
    with Sandbox(data=ONE_VENDOR, twins="conflict") as sandbox:
        error = send(sandbox, "vendors", "POST", json={"code": "A"}).json()["error"]

    assert (error["code"], error["details"]) == ("conflict", {"field": "code"})


@pytest.mark.parametrize("name", ["code", "Code", "CODE"])
def test_duplicate_code_in_any_spelling(send: SendRequest, name: str) -> None:
    """A code is the same code under any spelling of the field's name."""
    with Sandbox(data=ONE_VENDOR, twins="refused") as sandbox:
        assert send(sandbox, "vendors", "POST", json={name: "A"}).status_code == 422


def test_another_status_of_a_created_record(send: SendRequest) -> None:
    """The status of a created record may be 200."""
    with Sandbox(empty=True, created="200") as sandbox:
        assert send(sandbox, "vendors", "POST", json={}).status_code == 200


@pytest.mark.parametrize("status", ["422", "400", "406"])
def test_bad_input(send: SendRequest, status: str) -> None:
    """A refusal may have another status and a message in plain text; nothing is created."""
    with Sandbox(empty=True, bad_input=status, bad_input_as="text") as sandbox:
        refusals = [
            send(sandbox, "vendors", "POST", data=b"[]"),
            send(sandbox, "vendors", "POST", json={"balance": "5"}),
            send(sandbox, "vendors?page=x"),
        ]
        created = len(sandbox.books["vendors"])

    assert {each.status_code for each in refusals} == {int(status)}
    assert {each.headers["content-type"] for each in refusals} == {"text/plain; charset=utf-8"}
    assert refusals[0].text == "The body must be one JSON object."
    assert refusals[1].text == "balance: Input should be a valid number."
    assert created == 0


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic sandbox-key", "sandbox-key"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "products"), ("POST", "vendors")])
def test_key_is_required(
    shared: Sandbox, send: SendRequest, header: str, method: str, path: str
) -> None:
    """Without the key, or with another, nothing is returned and nothing created."""
    response = send(shared, path, method, json={}, headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    assert response.headers["www-authenticate"] == "Bearer"


def test_another_key(send: SendRequest) -> None:
    """The key can be chosen."""
    with Sandbox(empty=True, key="ours") as sandbox:
        assert send(sandbox, "products").status_code == 200
        assert send(sandbox, "products", headers={"Authorization": "bearer  ours"}).ok


def test_wrong_key_spends_nothing(send: SendRequest) -> None:
    """A request with a wrong key does not count against the limit."""
    with Sandbox(empty=True, limit=1) as sandbox:
        send(sandbox, "products", headers={"Authorization": "Bearer wrong"})

        assert send(sandbox, "products").status_code == 200


def test_rate_limit(send: SendRequest) -> None:
    """Over the limit comes 429 with the seconds to wait; a window later requests are allowed."""
    now = [0.0]
    with Sandbox(empty=True, limit=2, window=60, clock=lambda: now[0]) as sandbox:
        first = [send(sandbox, "products").status_code for _ in range(2)]
        now[0] = 14.5
        over = send(sandbox, "vendors")
        now[0] = 60.0
        later = send(sandbox, "products")

    assert first == [200, 200]
    assert (over.status_code, over.headers["retry-after"]) == (429, "46")
    assert later.status_code == 200
    assert sandbox.refused == 1


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [("seconds", "46"), ("none", None), ("soon", "soon"), ("huge", "99999999")],
)
def test_retry_after(send: SendRequest, retry_after: str, header: str | None) -> None:
    """A 429 may announce the wait, nothing, or something useless."""
    now = [0.0]
    options: dict[str, Any] = {"limit": 1, "retry_after": retry_after, "clock": lambda: now[0]}
    with Sandbox(empty=True, **options) as sandbox:
        send(sandbox, "products")
        now[0] = 14.5
        over = send(sandbox, "products")

    assert (over.status_code, over.headers.get("retry-after")) == (429, header)


def test_retry_after_as_a_date(send: SendRequest) -> None:
    """The wait may be announced as the time it ends, never too early."""
    with Sandbox(empty=True, limit=1, retry_after="date", clock=lambda: 0.0) as sandbox:
        send(sandbox, "products")
        before = time.time()
        announced = parsedate_to_datetime(send(sandbox, "products").headers["retry-after"])

    assert before + 60 <= announced.timestamp() <= time.time() + 61


@pytest.mark.parametrize("unit", ["seconds", "epoch"])
def test_limit_headers(send: SendRequest, unit: str) -> None:
    """Every response may have the limit, what is left and when there is more."""
    options: dict[str, Any] = {"limit": 3, "foreign": 1, "limit_headers": unit}
    with Sandbox(empty=True, clock=lambda: 0.0, **options) as sandbox:
        headers = [send(sandbox, "products").headers for _ in range(3)]

    since = time.time() if unit == "epoch" else 0
    assert [each["x-ratelimit-limit"] for each in headers] == ["3", "3", "3"]
    assert [each["x-ratelimit-remaining"] for each in headers] == ["1", "0", "0"]
    assert all(55 < int(each["x-ratelimit-reset"]) - since <= 61 for each in headers)


def test_no_limit_headers(shared: Sandbox, send: SendRequest) -> None:
    """By default no response mentions the limit."""
    names = [name.lower() for name in send(shared, "products").headers]

    assert not [name for name in names if "ratelimit" in name]


def test_temporary_block(send: SendRequest) -> None:
    """Every request may be refused for five minutes; then they are allowed again."""
    now = [0.0]
    with Sandbox(empty=True, blocked_for=300, blocked_from=60, clock=lambda: now[0]) as sandbox:
        statuses = []
        for now[0] in (0.0, 60.0, 200.0, 359.0, 360.0):
            statuses.append(send(sandbox, "products").status_code)

    assert statuses == [200, 429, 429, 429, 200]
    assert sandbox.refused == 3


def test_logged_requests(send: SendRequest) -> None:
    """Each request is logged with what was requested and its status, but without the key."""
    with Sandbox(empty=True, limit=3, clock=lambda: 5.0) as sandbox:
        cookie = {"User-Agent": "us", "Cookie": "secret=1"}
        send(sandbox, "products?page=2&page_size=9", headers=cookie)
        send(sandbox, "vendors", "POST", json={})
        send(sandbox, "invoices?page=x")
        send(sandbox, "invoices")
        logged = sandbox.requests

    assert [(a.method, a.endpoint, a.page, a.page_size, a.status) for a in logged] == [
        ("GET", "products", 2, 9, 200),
        ("POST", "vendors", None, None, 201),
        ("GET", "invoices", None, None, 422),
        ("GET", "invoices", 1, None, 429),
    ]
    assert {arrival.at for arrival in logged} == {5.0}
    assert logged[0].headers["user-agent"] == "us"
    assert not {"authorization", "cookie"} & set(logged[0].headers)


def test_log_is_in_order_of_arrival() -> None:
    """A request keeps its position in the log, whenever its response is sent."""
    log = RequestLog()
    slow = log.add(Arrival("GET", "invoices", 1, None, 1.0))
    quick = log.add(Arrival("GET", "products", 1, None, 2.0))

    log.set_status(quick, 200)
    log.set_status(slow, 503)

    assert [(each.endpoint, each.status) for each in log.arrivals()] == [
        ("invoices", 503),
        ("products", 200),
    ]


def test_no_status_before_the_response() -> None:
    """A request without a response has no status."""
    log = RequestLog()
    log.add(ARRIVAL)

    assert log.arrivals()[0].status is None


def test_log_is_copied() -> None:
    """Arrivals that were read do not change while requests arrive."""
    log = RequestLog()
    before = log.arrivals()
    log.add(ARRIVAL)

    assert (before, len(log)) == ([], 1)


def test_before_each_is_called() -> None:
    """The test's function is called with the request; without one nothing is."""
    state = ServerState(Options(), {})
    seen: list[Arrival] = []

    state.run_before_each(ARRIVAL)
    state.before_each = seen.append
    state.run_before_each(ARRIVAL)

    assert seen == [ARRIVAL]


def test_error_in_before_each_is_kept() -> None:
    """What the test's function raises is raised, and kept for later."""
    state = ServerState(Options(), {})
    state.before_each = lambda _: 1 // 0

    with pytest.raises(ZeroDivisionError):
        state.run_before_each(ARRIVAL)

    assert [type(error) for error in state.callback_errors] == [ZeroDivisionError]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with two vendors and one request an hour, which the control API ignores."""
    data = {"vendors": [{"name": "a"}, {"name": "b"}]}
    with Sandbox(data=data, limit=1, window=3600) as sandbox:
        yield sandbox


@pytest.fixture
def control(sandbox: Sandbox, send: SendRequest) -> SendRequest:
    """Send one request to the control API, without a key."""
    root = sandbox.base_url.removesuffix("/api/v1") + "/_sandbox/"

    def send_control(path: str, method: str = "GET", **more: Any) -> requests.Response:
        return send(sandbox, root + path, method, headers={"Authorization": ""}, **more)

    return send_control


def test_control_status(sandbox: Sandbox, send: SendRequest, control: SendRequest) -> None:
    """The status has the requests, those over the limit, and the rows of each list."""
    for _ in range(3):
        send(sandbox, "vendors")

    status = control("status").json()

    assert (status["requests"], status["refused"]) == (3, 2)
    assert status["rows"]["vendors"] == 2
    assert list(status["rows"]) == list(sandbox.books)


def test_control_faults(sandbox: Sandbox, control: SendRequest) -> None:
    """A fault is staged as in a test, and cleared."""
    fault = {"kind": "slow", "seconds": 0.5, "times": None, "headers": {"A": "b"}}

    assert control("faults", "POST", json=fault).status_code == 201
    assert sandbox.faults.staged() == [Fault("slow", seconds=0.5, times=None, headers={"A": "b"})]
    assert control("faults", "DELETE").status_code == 204
    assert sandbox.faults.staged() == []


def test_control_fault_applies(sandbox: Sandbox, send: SendRequest, control: SendRequest) -> None:
    """A fault that is staged over HTTP applies like one staged in the process."""
    control("faults", "POST", json={"kind": "slow", "seconds": 0.01})

    assert send(sandbox, "vendors").status_code == 200
    assert sandbox.faults.staged() == []


def test_control_records(sandbox: Sandbox, control: SendRequest) -> None:
    """Records are inserted anywhere, changed and deleted."""
    inserted = control("records/vendors?at=0", "POST", data=b'{"name":"c","balance":10.70}')
    changed = control("records/vendors/1", "PATCH", json={"name": "d"})
    deleted = control("records/vendors/2", "DELETE")

    assert [each.status_code for each in (inserted, changed, deleted)] == [201, 204, 204]
    assert inserted.json() == {"id": 3}
    assert sandbox.books["vendors"].page(0, 9)[0] == [
        b'{"id":3,"name":"c","balance":10.70}',
        b'{"id":1,"name":"d"}',
    ]


def test_control_text_id(sandbox: Sandbox, control: SendRequest) -> None:
    """An id may be a UUID."""
    control("records/vendors", "POST", json={"id": "4f7c-aa"})

    assert control("records/vendors/4f7c-aa", "DELETE").status_code == 204
    assert len(sandbox.books["vendors"]) == 2


@pytest.mark.parametrize(
    ("request_line", "body", "status", "message"),
    [
        ("POST records/vendor", b"{}", 404, "There is no list 'vendor'."),
        ("DELETE records/vendors/9", b"", 404, "There is no record with id 9 in this list."),
        ("PATCH records/vendors/9", b"{}", 404, "There is no record with id 9 in this list."),
        ("POST records/vendors", b"[]", 422, "The body must be one JSON object."),
        ("POST records/vendors", b"{", 422, "The body is not JSON: "),
        ("POST records/vendors?at=end", b"{}", 422, "at must be a position, counted from 0, not"),
        ("POST faults", b'{"kind":"flood"}', 422, "Unknown fault 'flood'."),
    ],
)
def test_control_error(
    control: SendRequest, request_line: str, body: bytes, status: int, message: str
) -> None:
    """A request that is not valid is refused with a sentence."""
    method, path = request_line.split()
    response = control(path, method, data=body)

    assert response.status_code == status
    assert response.json()["error"].startswith(message)
