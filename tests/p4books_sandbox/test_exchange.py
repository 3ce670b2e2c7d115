"""How does one answer travel?"""

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests

from p4books_sandbox import Fault, Sandbox

Ask = Callable[..., requests.Response]


def test_held_back_and_sent_on(ask: Ask) -> None:
    """An answer that was held back arrives with its own status and headers."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("wrong_page_echo"))

        answer = ask(sandbox, "products?page=x")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["reset", "cut_body", "lost"])
def test_a_break_is_quiet(ask: Ask, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    """Breaking a connection on purpose writes nothing, and the next request is answered."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault(kind))
        with pytest.raises(requests.exceptions.RequestException):
            ask(sandbox, "products")

        assert ask(sandbox, "products").status_code == 200

    assert capfd.readouterr() == ("", "")


def test_a_late_end_is_quick_and_quiet(ask: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    """A sandbox ends though something is still to be done late, and says nothing of it."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("late", seconds=600))
        with pytest.raises(requests.exceptions.ReadTimeout):
            ask(sandbox, "products", "POST", json={}, timeout=0.2)
        began = time.monotonic()

    assert time.monotonic() - began < 30
    assert capfd.readouterr() == ("", "")


def test_who_leaves_in_the_middle(ask: Ask) -> None:
    """Of a request that did not come whole nothing is done, late or not."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("late", seconds=0))
        address = urlsplit(sandbox.base_url)
        with socket.create_connection((str(address.hostname), address.port), timeout=5) as line:
            line.sendall(
                b"POST /api/v1/products HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 99\r\n"
                b"Authorization: Bearer sandbox-key\r\n\r\n{}"
            )
        while sandbox.faults.staged():
            time.sleep(0.01)

        assert ask(sandbox, "products").json()["total"] == 0


def test_how_much_of_a_cut_body_comes() -> None:
    """A cut body announces its whole length and ends half-way."""
    with Sandbox(empty=True) as sandbox:
        sandbox.faults.stage(Fault("cut_body"))
        address = urlsplit(sandbox.base_url)
        line = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
        line.request(
            "GET", address.path + "/products", headers={"Authorization": "Bearer sandbox-key"}
        )
        answer = line.getresponse()
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
        line.close()

    whole = b'{"data":[],"total":0,"page":1}'
    assert answer.headers["content-length"] == str(len(whole))
    assert broken.value.partial == whole[:15]
