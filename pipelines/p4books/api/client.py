"""How is one page asked for?"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import msgspec
import tenacity
import urllib3

from p4books import errors
from p4books.api import answer, failing, throttle
from p4books.api.answer import Answer
from p4books.api.session import Counts, Session
from p4books.api.throttle import Throttle
from p4books.endpoint import Endpoint
from p4books.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte; the vendor's advice
TRIES = 5  # the first one and four more
REFUSALS = 20  # 429s in a row before a page is given up


@dataclass(frozen=True)
class Access:
    """Where P4 Books is and how it is asked: what Settings say, without the rest of them."""

    tenant: str
    address: str
    key: str = field(repr=False)
    page_size: int
    page_param: str
    page_size_param: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take what asking needs from the settings."""
        return cls(
            tenant=settings.tenant,
            address=settings.address,
            key=settings.key,
            page_size=settings.page_size,
            page_param=settings.page_param,
            page_size_param=settings.page_size_param,
        )

    @property
    def host(self) -> str:
        """The host that is asked, as errors name it."""
        return urlsplit(self.address).netloc

    def source(self, endpoint: Endpoint) -> dict[str, object]:
        """Return what pages of an endpoint are read from: others are never mixed with them."""
        names = ("address", "page_size", "page_param", "page_size_param")
        return {"endpoint": endpoint.name, **{name: getattr(self, name) for name in names}}

    def origin(self, endpoint: Endpoint) -> str:
        """Return the same as one text."""
        return msgspec.json.encode(self.source(endpoint), order="sorted").decode()


def throttle_of(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Throttle:
    """Open the throttle that all processes on this machine share for this key."""
    return Throttle(
        throttle.place(settings.key),
        settings.requests_per_window,
        settings.window_seconds,
        sleep=sleep,
    )


class _Passing(Exception):
    """A failure that may be gone at the next try; `final` is what to raise when it is not."""

    def __init__(self, final: errors.P4BooksError) -> None:
        self.final = final


class Client:
    """Reads pages of lists, one at a time; a thread of its own needs a client of its own.

    `limits` are the headers by which the last answer told of the limit, names in lower case.
    `backoff` is the wait before the first repeat in seconds (it doubles, with jitter);
    `sleep` waits seconds; `stop` ends the repeats when set; `tries` are how many there are.
    """

    def __init__(  # noqa: PLR0913
        self,
        access: Access,
        slots: Throttle,
        backoff: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        stop: threading.Event | None = None,
        tries: int = TRIES,
    ) -> None:
        self.access = access
        self._throttle = slots
        self._backoff = backoff
        self._sleep = sleep
        self._stop = stop or threading.Event()
        self._tries = tries
        self._given_instead: int | None = None  # the page that the last try gave
        self._session = Session(access.address, access.key, slots, TIMEOUT)
        self.limits: dict[str, str] = {}

    @property
    def counts(self) -> Counts:
        """Return what this client's requests cost so far."""
        return self._session.counts

    def page(
        self, endpoint: Endpoint, page: int, size: int | None = None, learned: int | None = None
    ) -> Answer:
        """Read one page, trying again where that may help; 0 is what comes where none is named.

        `size` is the rows to ask for (default: the setting's), `learned` the rows that a page of
        this list was seen to hold. A page past the end is an answer without rows. Raises
        KeyRefused, RightMissing, NotFound, Redirected and Refused at once; PageIgnored where page 1
        comes instead twice; Unreachable and BadAnswer after the last try.
        """
        if self._stop.is_set():
            raise errors.Abandoned
        self._given_instead = None
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=tenacity.stop_after_attempt(self._tries)
            | tenacity.stop_when_event_set(self._stop),
            wait=tenacity.wait_exponential(self._backoff, max=30)
            + tenacity.wait_random(0, self._backoff),
            sleep=self._sleep,
            before_sleep=lambda state: log.info("page %s: try %s", page, state.attempt_number + 1),
            reraise=True,
        )
        try:
            return tries(self._read, endpoint, page, size, learned)
        except _Passing as failure:
            raise failure.final from None

    def _read(self, endpoint: Endpoint, page: int, size: int | None, learned: int | None) -> Answer:
        status, body = self._get(endpoint, page, size)
        if status == 404 and page > 1:
            return answer.past_end(page)
        if status in {401, 403, 404}:
            raise self._refusal(endpoint, status)
        if 500 <= status < 600:
            raise _Passing(errors.BadAnswer(endpoint.name, page, f"status {status}"))
        if status != 200:
            raise errors.Refused(endpoint.name, page, status)
        try:
            return answer.read(body, endpoint, page, learned)
        except answer.Malformed as what:
            given = what.given if isinstance(what, answer.OtherPage) else None
            if given == 1 == self._given_instead:
                raise errors.PageIgnored(endpoint.name, self.access.page_param) from None
            self._given_instead = given
            raise _Passing(errors.BadAnswer(endpoint.name, page, str(what))) from None

    def _get(self, endpoint: Endpoint, page: int, size: int | None) -> tuple[int, bytes]:
        """Ask until the answer is not 429; the wait a 429 asks for holds for all processes."""
        url = f"{self.access.address}/{endpoint.path}"
        asked: dict[str, str | int] = {self.access.page_param: page} if page else {}
        asked[self.access.page_size_param] = size or self.access.page_size
        for _ in range(REFUSALS):
            try:
                response = self._session.get(url, asked)
            except urllib3.exceptions.HTTPError as error:
                raise self._failure(endpoint, page, error) from None
            self.limits = {
                name.lower(): value
                for name, value in response.headers.items()
                if name.lower().startswith(("x-ratelimit", "ratelimit", "retry-after"))
            }
            if response.status != 429:
                return response.status, response.data
            self.counts.refused += 1
            wait = failing.wait_told(response.headers.get("Retry-After"), self._throttle.window)
            log.info("%s: over the limit, waiting %.0f s", endpoint.name, wait)
            self._throttle.block(wait)
        raise errors.Refused(endpoint.name, page, 429)

    def _refusal(self, endpoint: Endpoint, status: int) -> errors.ApiError:
        if status == 401:
            return errors.KeyRefused(self.access.tenant)
        if status == 403:
            return errors.RightMissing(endpoint.name)
        return errors.NotFound(endpoint.name, f"{self.access.address}/{endpoint.path}")

    def _failure(self, endpoint: Endpoint, page: int, error: Exception) -> Exception:
        if why := failing.no_connection(error, TIMEOUT):
            return _Passing(errors.Unreachable(endpoint.name, self.access.host, why))
        what = failing.no_answer(error, TIMEOUT)
        return _Passing(errors.BadAnswer(endpoint.name, page, what))
