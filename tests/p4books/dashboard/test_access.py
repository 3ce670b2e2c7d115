"""Password of the dashboard."""

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from p4books.dashboard.access import PasswordMiddleware

PASSWORD = "contraseña de ocho: sí"  # noqa: S105 - of this test


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the dashboard does: a page, or a socket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await PlainTextResponse("secret")(scope, receive, send)


@dataclass
class Visitor:
    """A browser that keeps the cookie it is given."""

    app: PasswordMiddleware
    cookie: str = ""
    sent: list[Message] = field(default_factory=list)

    def get(self, headers: dict[str, str] | None = None, kind: str = "http") -> int:
        """Ask for a page, or open a socket; return the status, which for an open one is 101."""
        given = {"cookie": self.cookie, **(headers or {})}
        raw = [(name.lower().encode(), text.encode("latin-1")) for name, text in given.items()]
        scope: dict[str, Any] = {"type": kind, "path": "/", "method": "GET", "headers": raw}
        self.sent.clear()

        async def send(message: Message) -> None:
            self.sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        asyncio.run(self.app(scope, receive, send))
        first = self.sent[0]
        if cookie := self.headers.get("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        return first.get("status") or {"websocket.accept": 101}.get(first["type"], 403)

    @property
    def headers(self) -> Headers:
        """Return the headers of the last answer."""
        return Headers(raw=self.sent[0].get("headers", []))

    @property
    def body(self) -> bytes:
        """Return the body of the last answer."""
        return b"".join(message.get("body", b"") for message in self.sent)


def visitor(pause: float = 0) -> Visitor:
    """Return a browser that knows nothing yet."""
    return Visitor(PasswordMiddleware(pages, PASSWORD, pause))


def header_of(password: str, user: str = "") -> dict[str, str]:
    """Return the header in which a browser sends a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_without_password() -> None:
    """Who sends none is asked for one, and gets nothing else."""
    one = visitor()
    assert one.get() == 401
    assert b"secret" not in one.body
    assert one.headers["www-authenticate"].startswith("Basic")
    assert one.get(kind="websocket") == 403


def test_right_password() -> None:
    """The password opens pages, with any user; the cookie it is answered with opens sockets."""
    one = visitor()
    assert one.get(header_of(PASSWORD, "anybody")) == 200
    assert one.body == b"secret"
    assert {"HttpOnly", "SameSite=Strict"} <= set(one.headers["set-cookie"].split("; "))
    assert "Secure" not in one.headers["set-cookie"]
    assert one.get(kind="websocket") == 101
    assert one.get() == 200


@pytest.mark.parametrize(
    "headers",
    [
        header_of("wrong"),
        header_of(""),
        header_of(PASSWORD[:-1]),
        header_of(PASSWORD + "x"),
        {"Authorization": "Basic \u00e9\u00e9"},
        {"Authorization": "Bearer " + PASSWORD.encode().hex()},
        {"Cookie": "p4books_dashboard="},
        {"Cookie": "p4books_dashboard=" + "x" * 43},
        {"Cookie": "\x80;;=="},
    ],
)
def test_wrong_password(headers: dict[str, str]) -> None:
    """Anything else is refused, and is no error."""
    assert visitor().get(headers) == 401


def test_a_cookie_of_another_server() -> None:
    """A cookie counts until the server ends, and for no other server."""
    one = visitor()
    one.get(header_of(PASSWORD))
    assert one.cookie
    assert visitor().get({"Cookie": one.cookie}) == 401


def test_guessing_takes_time() -> None:
    """A wrong password is answered after a pause; asking without one is not."""
    one = visitor(pause=0.3)
    began = time.perf_counter()
    one.get()
    assert time.perf_counter() - began < 0.3
    one.get(header_of("wrong"))
    assert time.perf_counter() - began >= 0.3


def test_secure_cookie_behind_a_proxy() -> None:
    """Behind a proxy that speaks TLS the cookie is for TLS only."""
    one = visitor()
    one.get({**header_of(PASSWORD), "X-Forwarded-Proto": "https"})
    assert "Secure" in one.headers["set-cookie"].split("; ")
