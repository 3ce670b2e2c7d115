"""How is the sandbox served?"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from p4books_sandbox.responses import Answer

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


_IDLE_SECONDS = 75
_GRACE_SECONDS = 1


class Server(uvicorn.Server):
    """One event loop that serves one application, and stops at once when told."""

    def __init__(self, app: App, when_ready: Callable[[], None]) -> None:
        """Take what answers, and what to call when requests may come."""
        settings = uvicorn.Config(
            app,
            http=Wire,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(settings)
        self._when_ready = when_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        self._when_ready()
        if not self.should_exit:
            await self._told.wait()

    def stop(self) -> None:
        """Tell it to stop; safe from another thread and from a signal."""
        self.should_exit = True
        if self._loop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._told.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop quietly at a signal: uvicorn would raise it again afterwards."""
        del sig, frame
        self.stop()


def listen(host: str, port: int) -> socket.socket:
    """Take a port (0: a free one). Raises OSError when it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
        plug.listen(2048)
    except OSError:
        plug.close()
        raise
    return plug


def base_url(plug: socket.socket) -> str:
    """Give the address of the API behind a listening socket."""
    host, port = plug.getsockname()[:2]
    return f"http://[{host}]:{port}/api/v1" if ":" in host else f"http://{host}:{port}/api/v1"
