"""HTTP server of the sandbox, and the exchange of one request and its response."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from p4books_sandbox.responses import SandboxResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_IDLE_SECONDS = 75
_GRACE_SECONDS = 0.2
_POLL_SECONDS = 0.002
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 seconds
_EMPTY_REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}


class Server(uvicorn.Server):
    """Event loop that serves one application and stops immediately when asked to."""

    def __init__(self, app: AsgiApp, when_ready: Callable[[], None]) -> None:
        """Take the application, and what to call once requests are accepted."""
        config = uvicorn.Config(
            app,
            http=ConnectionProtocol,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        super().__init__(config)
        self._when_ready = when_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until `stop` is called."""
        self._loop = asyncio.get_running_loop()
        self._when_ready()
        if not self.should_exit:
            await self._stopped.wait()

    def stop(self) -> None:
        """Stop serving; safe from another thread and from a signal handler."""
        self.should_exit = True
        if self._loop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopped.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections as soon as their requests are done, or after a short while.

        uvicorn waits a tenth of a second even if there is nothing to wait for.
        """
        for closable in (*self.servers, *(sockets or ())):
            closable.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.server_state.connections or self.server_state.tasks:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
        for task in list(self.server_state.tasks):
            task.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop quietly on a signal: uvicorn would raise it again afterwards."""
        del sig, frame
        self.stop()


def open_listener(host: str, port: int) -> socket.socket:
    """Open a listening socket (port 0: any free port). Raises OSError if it can't be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def format_base_url(listener: socket.socket) -> str:
    """Return the address of the API behind a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/api/v1" if ":" in host else f"http://{host}:{port}/api/v1"


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also passes on the connection so that a fault can break it."""

    def on_message_begin(self) -> None:
        """Begin a request, with its connection in the scope's state."""
        super().on_message_begin()
        self.scope["state"]["connection"] = self.transport


@dataclass(frozen=True)
class Exchange:
    """One request and the ways to respond to it."""

    app: AsgiApp
    scope: Scope
    receive: Receive
    send: Send

    async def forward(self) -> None:
        """Let the application respond."""
        await self.app(self.scope, self.receive, self.send)

    async def capture_response(self) -> SandboxResponse:
        """Let the application respond, and return the response instead of sending it."""
        status, headers, body = 0, {}, b""

        async def capture(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], decode_headers(message["headers"])
            else:
                body += message.get("body", b"")

        await self.app(self.scope, self.receive, capture)
        headers.pop("content-length", None)
        content_type = headers.pop("content-type", "application/json")
        return SandboxResponse(status, body, headers, content_type)

    async def process_first(self) -> Self:
        """Let the application act now; return an exchange that forwards the response it gave."""
        messages: list[Message] = []

        async def capture(message: Message) -> None:
            messages.append(message)

        async def replay(_: Scope, __: Receive, send: Send) -> None:
            for message in messages:
                await send(message)

        await self.app(self.scope, self.receive, capture)
        return replace(self, app=replay, receive=_make_receive([_EMPTY_REQUEST], self.receive))

    async def read_request(self) -> Self:
        """Read the whole request; return an exchange that has it even if the client disconnects."""
        messages = [await self.receive()]
        while messages[-1].get("more_body"):
            messages.append(await self.receive())
        return replace(self, receive=_make_receive(messages, self.receive))

    async def send_response(self, response: SandboxResponse, *, missing: int = 0) -> None:
        """Send a response; with `missing`, stop that many bytes before its announced end."""
        length = len(response.body)
        headers = {"content-type": response.content_type, "content-length": str(length)}
        headers |= {name.lower(): value for name, value in response.headers.items()}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": response.status, "headers": raw}
        await self.send(start)
        body = response.body[: length - missing]
        await self.send({"type": "http.response.body", "body": body, "more_body": missing > 0})

    async def reset_connection(self) -> None:
        """Reset the connection without a response."""
        connection = self.scope["state"]["connection"]
        client = connection.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.abort()
        while (await self.receive())["type"] != "http.disconnect":
            pass


def decode_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of an ASGI message as text."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _make_receive(messages: list[Message], receive: Receive) -> Receive:
    """Return an ASGI receive that yields these messages first."""

    async def receive_next() -> Message:
        return messages.pop(0) if messages else await receive()

    return receive_next
