"""How are the lists read side by side?"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from p4books.api import scan
from p4books.api.client import Access, Client, throttle_of
from p4books.api.scan import Scan
from p4books.api.spool import Spool
from p4books.endpoint import Endpoint
from p4books.errors import Abandoned, KeyRefused, P4BooksError, Unreachable
from p4books.settings import Settings

Progress = Callable[[str, int, int, int], None]  # endpoint, pages read, pages announced, rows


@dataclass(frozen=True)
class Read:
    """One list that was read to its end, and where its pages lie."""

    endpoint: Endpoint
    spool: Spool
    scan: Scan


@dataclass
class Lists:
    """What came of all lists, and what it cost; `waited` in seconds."""

    read: list[Read] = field(default_factory=list)
    faults: list[P4BooksError] = field(default_factory=list)
    requests: int = 0
    refused: int = 0
    waited: float = 0.0


def read(
    settings: Settings,
    endpoints: Sequence[Endpoint],
    progress: Progress = lambda *_: None,
    backoff: float = 1.0,
) -> Lists:
    """Read lists into their spools, each in a thread of its own, one request at a time.

    The first list goes ahead until its first answer: a wrong key or address costs one request.
    `backoff` is a client's. Raises KeyRefused and Unreachable; other faults are kept, each stops
    its own list only.
    """
    lists = Lists()
    stop, answered = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        if stop.wait(seconds):
            raise Abandoned

    slots = throttle_of(settings, pause)
    clients = {
        endpoint.name: Client(Access.of(settings), slots, backoff, sleep=pause, stop=stop)
        for endpoint in endpoints
    }

    def one(endpoint: Endpoint) -> Read:
        client = clients[endpoint.name]
        spool = Spool(settings.private / "spool" / endpoint.name, client.access.source(endpoint))

        def told(pages: int, announced: int, rows: int) -> None:
            answered.set()
            progress(endpoint.name, pages, announced, rows)

        return Read(endpoint, spool, scan.run(endpoint, client, spool, told))

    pool = ThreadPoolExecutor(settings.parallel_lists, thread_name_prefix="p4books")
    try:
        first = pool.submit(one, endpoints[0])
        first.add_done_callback(lambda _: answered.set())
        answered.wait()
        if first.done():
            _raise_if_useless([first])
        futures = [first, *(pool.submit(one, endpoint) for endpoint in endpoints[1:])]
        _collect(futures, lists, stop)
        pool.shutdown()
    except P4BooksError:
        stop.set()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        lists.requests = sum(client.counts.requests for client in clients.values())
        lists.refused = sum(client.counts.refused for client in clients.values())
        lists.waited = slots.waited
    return lists


def _collect(futures: list[Future[Read]], lists: Lists, stop: threading.Event) -> None:
    """Wait for all lists; a key refused half-way stops the others, what is whole is kept."""
    for future in as_completed(futures):
        if isinstance(future.exception(), KeyRefused):
            stop.set()
    for future in futures:
        try:
            lists.read.append(future.result())
        except Abandoned:
            continue
        except P4BooksError as fault:
            lists.faults.append(fault)
    if not lists.read:
        _raise_if_useless(futures)


def _raise_if_useless(futures: list[Future[Read]]) -> None:
    """Give up where no list can be read."""
    for future in futures:
        if isinstance(fault := future.exception(), KeyRefused | Unreachable):
            raise fault
