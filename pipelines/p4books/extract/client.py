"""API client: one page per call, with retries, backoff and rate limiting."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Self
from urllib.parse import urlsplit

import msgspec
import tenacity
import urllib3

from p4books.endpoints.definition import Endpoint
from p4books.errors import (
    ApiError,
    BadAnswer,
    KeyRefused,
    NotFound,
    P4BooksError,
    PageIgnored,
    ReadCancelled,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.http import HttpSession, RequestCounts
from p4books.extract.page import MalformedPage, Page, WrongPage, empty_page, parse_page
from p4books.extract.rate_limiter import RateLimiter, limiter_path
from p4books.settings import Settings

LONGEST_WAIT = 900.0  # seconds; a server that asks for more is asked again after that

_NO_CONNECTION = (
    (urllib3.exceptions.NameResolutionError, "its name is not known"),
    (urllib3.exceptions.SSLError, "its certificate is not trusted"),
    (urllib3.exceptions.ProxyError, "the proxy did not let us through"),
    (urllib3.exceptions.NewConnectionError, "the connection was refused"),  # is a time-out too
    (urllib3.exceptions.ConnectTimeoutError, "no connection within {:g} seconds"),
)
_NO_ANSWER = (
    (urllib3.exceptions.ReadTimeoutError, "nothing within {:g} seconds"),
    (urllib3.exceptions.ResponseError, "redirects that lead in a circle"),
    (urllib3.exceptions.DecodeError, "a body that cannot be unpacked"),
    (urllib3.exceptions.IncompleteRead, "a body that is cut off"),
    (urllib3.exceptions.ProtocolError, "a connection that broke off"),
)


def describe_connection_failure(error: Exception, timeout: float) -> str | None:
    """Say why no connection came about within so many seconds; None where one did."""
    found = next((why for kind, why in _NO_CONNECTION if isinstance(error, kind)), None)
    return found and found.format(timeout)


def describe_missing_response(error: Exception, timeout: float) -> str:
    """Say what came over a connection, instead of an answer, within so many seconds."""
    found = next((what for kind, what in _NO_ANSWER if isinstance(error, kind)), "a broken line")
    return found.format(timeout)


def parse_retry_after(retry_after: str | None, window: float) -> float:
    """Read how many seconds a 429 asks us to wait; a whole window where it does not say."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after or "").timestamp() - time.time()
        except (ValueError, OverflowError):
            seconds = window
    if not math.isfinite(seconds):
        seconds = window
    return min(max(seconds, 0.05), LONGEST_WAIT) + random.uniform(0, 0.05)  # noqa: S311


log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte; the vendor's advice
TRIES = 5  # the first one and four more
REFUSALS = 20  # 429s in a row before a page is given up


@dataclass(frozen=True)
class ApiTarget:
    """A tenant's API: its address, the key, and how pages are requested."""

    tenant: str
    address: str
    key: str = field(repr=False)
    page_size: int
    page_param: str
    page_size_param: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the address, the key and the page parameters from the settings."""
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


@dataclass(frozen=True)
class ApiConnection:
    """A tenant's API, and the rate limiter shared by all processes that use its key."""

    target: ApiTarget
    limiter: RateLimiter

    @classmethod
    def from_settings(cls, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Self:
        """Connect as the settings say; `sleep` waits seconds under the limit."""
        limiter = RateLimiter(
            limiter_path(settings.key),
            settings.requests_per_window,
            settings.window_seconds,
            sleep=sleep,
        )
        return cls(ApiTarget.from_settings(settings), limiter)


class _TransientFailure(Exception):
    """A failure that may be gone at the next try; `final` is what to raise when it is not."""

    def __init__(self, final: P4BooksError) -> None:
        self.final = final


class Client:
    """Reads pages of lists, one at a time; a thread of its own needs a client of its own.

    `limits` are the headers by which the last answer told of the limit, names in lower case.
    `backoff` is the wait before the first repeat in seconds (it doubles, with jitter);
    `sleep` waits seconds; `stop` ends the repeats when set; `tries` are how many there are.
    """

    def __init__(
        self,
        connection: ApiConnection,
        backoff: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        stop: threading.Event | None = None,
        tries: int = TRIES,
    ) -> None:
        self.target = connection.target
        self._limiter = connection.limiter
        self._backoff = backoff
        self._sleep = sleep
        self._stop = stop or threading.Event()
        self._tries = tries
        self._given_instead: int | None = None  # the page that the last try gave
        self._session = HttpSession(self.target.address, self.target.key, self._limiter, TIMEOUT)
        self.limits: dict[str, str] = {}

    @property
    def counts(self) -> RequestCounts:
        """Return what this client's requests cost so far."""
        return self._session.counts

    def page(
        self, endpoint: Endpoint, page: int, size: int | None = None, learned: int | None = None
    ) -> Page:
        """Read one page, trying again where that may help; 0 is what comes where none is named.

        `size` is the rows to ask for (default: the setting's), `learned` the rows that a page of
        this list was seen to hold. A page past the end is an answer without rows. Raises
        KeyRefused, RightMissing, NotFound, Redirected and Refused at once; PageIgnored where page 1
        comes instead twice; Unreachable and BadAnswer after the last try.
        """
        if self._stop.is_set():
            raise ReadCancelled
        self._given_instead = None
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientFailure),
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
        except _TransientFailure as failure:
            raise failure.final from None

    def _read(self, endpoint: Endpoint, page: int, size: int | None, learned: int | None) -> Page:
        status, body = self._get(endpoint, page, size)
        if status == 404 and page > 1:
            return empty_page(page)
        if status in {401, 403, 404}:
            raise self._refusal(endpoint, status)
        if 500 <= status < 600:
            raise _TransientFailure(BadAnswer(endpoint.name, page, f"status {status}"))
        if status != 200:
            raise Refused(endpoint.name, page, status)
        try:
            return parse_page(body, endpoint, page, learned)
        except MalformedPage as what:
            given = what.given if isinstance(what, WrongPage) else None
            if given == 1 == self._given_instead:
                raise PageIgnored(endpoint.name, self.target.page_param) from None
            self._given_instead = given
            raise _TransientFailure(BadAnswer(endpoint.name, page, str(what))) from None

    def _get(self, endpoint: Endpoint, page: int, size: int | None) -> tuple[int, bytes]:
        """Ask until the answer is not 429; the wait a 429 asks for holds for all processes."""
        url = f"{self.target.address}/{endpoint.path}"
        asked: dict[str, str | int] = {self.target.page_param: page} if page else {}
        asked[self.target.page_size_param] = size or self.target.page_size
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
            wait = parse_retry_after(response.headers.get("Retry-After"), self._limiter.window)
            log.info("%s: over the limit, waiting %.0f s", endpoint.name, wait)
            self._limiter.block(wait)
        raise Refused(endpoint.name, page, 429)

    def _refusal(self, endpoint: Endpoint, status: int) -> ApiError:
        if status == 401:
            return KeyRefused(self.target.tenant)
        if status == 403:
            return RightMissing(endpoint.name)
        return NotFound(endpoint.name, f"{self.target.address}/{endpoint.path}")

    def _failure(self, endpoint: Endpoint, page: int, error: Exception) -> Exception:
        if why := describe_connection_failure(error, TIMEOUT):
            return _TransientFailure(Unreachable(endpoint.name, self.target.host, why))
        what = describe_missing_response(error, TIMEOUT)
        return _TransientFailure(BadAnswer(endpoint.name, page, what))
