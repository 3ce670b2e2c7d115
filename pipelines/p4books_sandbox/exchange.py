"""How does one answer travel?"""

import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Self

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from p4books_sandbox.answers import Answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_AT_ONCE = struct.pack("ii", 1, 0)
_EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}


class Wire(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with the connection lent to the request so it can be broken."""

    def on_message_begin(self) -> None:
        """Begin a request, and put its connection where a fault finds it."""
        super().on_message_begin()
        self.scope["state"]["connection"] = self.transport


@dataclass(frozen=True)
class Exchange:
    """One request and the ways to answer it."""

    app: App
    scope: Scope
    receive: Receive
    send: Send

    async def forward(self) -> None:
        """Answer as the books have it."""
        await self.app(self.scope, self.receive, self.send)

    async def answer(self) -> Answer:
        """Let the books answer, and hold the answer back."""
        status, headers, body = 0, {}, b""

        async def hold(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], _words(message["headers"])
            else:
                body += message.get("body", b"")

        await self.app(self.scope, self.receive, hold)
        headers.pop("content-length", None)
        content_type = headers.pop("content-type", "application/json")
        return Answer(status, body, headers, content_type)

    async def done(self) -> Self:
        """Let the books do it now; give an exchange in which they answer what they did then."""
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        async def again(_: Scope, __: Receive, send: Send) -> None:
            for message in held:
                await send(message)

        await self.app(self.scope, self.receive, hold)
        return replace(self, app=again, receive=_reading([_EMPTY], self.receive))

    async def taken(self) -> Self:
        """Read the request; give an exchange that has all of it, though the caller leaves."""
        parts = [await self.receive()]
        while parts[-1].get("more_body"):
            parts.append(await self.receive())
        return replace(self, receive=_reading(parts, self.receive))

    async def reply(self, answer: Answer, *, missing: int = 0) -> None:
        """Send an answer; with `missing`, break off so many bytes before its announced end."""
        length = len(answer.body)
        headers = {"content-type": answer.content_type, "content-length": str(length)}
        headers |= {name.lower(): value for name, value in answer.headers.items()}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": answer.status, "headers": raw}
        await self.send(start)
        body = answer.body[: length - missing]
        await self.send({"type": "http.response.body", "body": body, "more_body": missing > 0})

    async def reset(self) -> None:
        """Break the connection without an answer."""
        connection = self.scope["state"]["connection"]
        plug = connection.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        connection.abort()
        while (await self.receive())["type"] != "http.disconnect":
            pass


def _reading(parts: list[Message], then: Receive) -> Receive:
    async def read() -> Message:
        return parts.pop(0) if parts else await then()

    return read


def _words(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
