"""How is the sandbox served?"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from p4books_sandbox.exchange import App, Wire

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
