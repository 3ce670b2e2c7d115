"""Many tenants served by one sandbox, each with books of its own below a path of its name."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any, Self

from p4books_sandbox.app import ApiMiddleware, ServerState, make_app
from p4books_sandbox.options import Options
from p4books_sandbox.rate_limit import make_limit
from p4books_sandbox.responses import make_error
from p4books_sandbox.sample_data import generate_books
from p4books_sandbox.sandbox import ServedApp
from p4books_sandbox.server import Exchange, Receive, Scope, Send

TENANT = "{tenant}"  # in the base address and in the key: replaced by the name


class SandboxFleet(ServedApp):
    """P4 Books of any number of tenants, in a thread of this process, on one port.

    `base_url` is `http://127.0.0.1:PORT/{tenant}/api/v1`. A tenant has the same sample data as the
    others until something in it is changed; it exists from its first use on. `{tenant}` in the
    option `key` makes it a key of each tenant; without it, all share the key and its rate limit.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        """Take the options of a sandbox. Raises ValueError for a wrong one, in one sentence."""
        self.options = Options(**options)
        self._clock = clock
        self._template = generate_books(self.options)
        self._limit = make_limit(self.options, clock)
        self._tenants: dict[str, tuple[ServerState, ApiMiddleware]] = {}
        self._lock = Lock()
        super().__init__(_Router(self._find))

    def __enter__(self) -> Self:
        super().__enter__()
        self.base_url = self.base_url.replace("/api/", f"/{TENANT}/api/")
        return self

    def key(self, tenant: str) -> str:
        """Return the only key that is accepted for a tenant."""
        return self.options.key.replace(TENANT, tenant)

    def tenant(self, name: str) -> ServerState:
        """Return the state of a tenant: its books, staged faults, log, refused requests."""
        return self._find(name)[0]

    def _find(self, name: str) -> tuple[ServerState, ApiMiddleware]:
        with self._lock:
            if name not in self._tenants:
                books = {path: records.copy() for path, records in self._template.items()}
                options = replace(self.options, key=self.key(name))
                state = ServerState(options, books, self._clock, self._limit)
                self._tenants[name] = state, make_app(state)
            return self._tenants[name]


class _Router:
    """Passes requests on to the application of their tenant."""

    def __init__(self, find: Callable[[str], tuple[ServerState, ApiMiddleware]]) -> None:
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI call."""
        name, slash, rest = scope["path"].removeprefix("/").partition("/")
        if name and slash:
            _, app = self._find(name)
            await app({**scope, "path": f"/{rest}"}, receive, send)
            return
        refusal = make_error(404, "not_found", "The path begins with the name of a tenant.")
        await Exchange(self, scope, receive, send).send_response(refusal)
