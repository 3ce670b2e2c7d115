"""Password of the dashboard: asked for by the browser, and remembered by it for the session.

The browser sends it with every request (RFC 7617). As some do not send it with a WebSocket, a right
password is answered with a cookie that stands for it until the server ends.
"""

import asyncio
import base64
import binascii
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAUSE = 2.0  # seconds until a wrong password is answered, one at a time

_COOKIE = "p4books_dashboard"
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="p4books", charset="UTF-8"'}
_REFUSED_SOCKET = 1008  # a WebSocket's code for a violated policy


class PasswordMiddleware:
    """Application that passes on the requests of those who know a password."""

    def __init__(self, app: ASGIApp, password: str, pause: float = PAUSE) -> None:
        self._app = app
        self._password = password.encode()
        self._pause = pause
        self._token = secrets.token_urlsafe(32)
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._is_token(headers.get("cookie", "")):
            await self._app(scope, receive, send)
            return
        given = _read_password(headers.get("authorization", ""))
        if given is not None and hmac.compare_digest(given, self._password):
            is_secure = "https" in {scope.get("scheme"), headers.get("x-forwarded-proto")}
            await self._app(scope, receive, self._add_cookie(send, is_secure=is_secure))
            return
        if given is not None:
            async with self._one_at_a_time:
                await asyncio.sleep(self._pause)
        await _refuse(scope, receive, send)

    def _is_token(self, header: str) -> bool:
        try:
            cookie = SimpleCookie(header).get(_COOKIE)
        except CookieError:
            return False
        given = cookie.value.encode() if cookie else b""
        return hmac.compare_digest(given, self._token.encode())

    def _add_cookie(self, send: Send, *, is_secure: bool) -> Send:
        secure = "; Secure" if is_secure else ""
        cookie = f"{_COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict{secure}"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        return send_with_cookie


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _REFUSED_SOCKET})
        return
    answer = PlainTextResponse("This dashboard needs a password.\n", 401, _CHALLENGE)
    await answer(scope, receive, send)


def _read_password(header: str) -> bytes | None:
    """Return the password of an Authorization header; None if it has none. Any user may ask."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user_and_password = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return user_and_password.partition(b":")[2]
