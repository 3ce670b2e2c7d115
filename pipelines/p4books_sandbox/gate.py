"""Who gets in?"""

from dataclasses import replace

from p4books_sandbox import answers
from p4books_sandbox.answers import Answer
from p4books_sandbox.desk import Desk
from p4books_sandbox.exchange import App, Exchange, Message, Receive, Scope, Send
from p4books_sandbox.faults import hit
from p4books_sandbox.log import Arrival, kept
from p4books_sandbox.paging import BadPage, asked

PREFIX = "/api/v1/"


class Gate:
    """Stands before the API: notes each request, refuses it or lets it meet its fault."""

    def __init__(self, app: App, desk: Desk) -> None:
        """Take what answers behind the gate, and the sandbox's desk."""
        self._app = app
        self._desk = desk
        self._names = desk.options.parameters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call; what is not for the API passes untouched."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        log, arrival = self._desk.log, arrival_of(scope, self._desk.clock(), self._names)
        place = log.arrive(arrival)
        scope["state"]["arrival"] = arrival

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.answered(place, message["status"])
                message["headers"] = [*message["headers"], *self._limits()]
            await send(message)

        await self._answer(arrival, Exchange(self._app, scope, receive, noting))

    async def _answer(self, arrival: Arrival, exchange: Exchange) -> None:
        refusal = self._refusal(arrival, exchange.scope)
        fault = None if refusal else self._desk.faults.take(arrival)
        if refusal:
            await exchange.reply(refusal)
        elif fault:
            await hit(fault, exchange)
        else:
            await exchange.forward()

    def _refusal(self, arrival: Arrival, scope: Scope) -> Answer | None:
        key = _key(scope)
        if key != self._desk.options.key:
            return answers.unknown_key()
        wait = self._desk.limiter.wait_for(key)
        if wait:
            self._desk.refused += 1
            return answers.over_the_limit(wait, self._desk.options.retry_after)
        if arrival.endpoint in self._desk.forbidden:
            return answers.forbidden(arrival.endpoint)
        return None

    def _limits(self) -> list[tuple[bytes, bytes]]:
        options = self._desk.options
        if options.limit_headers == "none":
            return []
        room = self._desk.limiter.room(options.key)
        words = answers.room_left(options.limit, *room, options.limit_headers)
        return [(name.encode(), value.encode()) for name, value in words.items()]


def arrival_of(scope: Scope, at: float, names: tuple[str, str, int]) -> Arrival:
    """Read what a request asks for; at is the clock's seconds, names are its parameters'."""
    endpoint = scope["path"].removeprefix(PREFIX)
    arrival = Arrival(scope["method"], endpoint, None, None, at, None, kept(scope["headers"]))
    try:
        words = asked(scope["query_string"], *names)
    except BadPage:
        return arrival
    page = words.page if arrival.method == "GET" else None
    return replace(arrival, page=page, page_size=words.page_size)


def _key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if kind.lower() == "bearer" else None
    return None
