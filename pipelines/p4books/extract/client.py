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
    Abandoned,
    ApiError,
    BadAnswer,
    KeyRefused,
    NotFound,
    P4BooksError,
    PageIgnored,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.http import HttpSession, RequestCounts
from p4books.extract.page import MalformedPage, Page, WrongPage, empty_page, parse_page
from p4books.extract.rate_limiter import RateLimiter, limiter_path
from p4books.settings import Settings

TIMEOUT = 30.0  # seconds without a byte; recommended by the vendor
MAX_ATTEMPTS = 5  # of one request, including the first
MAX_REFUSALS = 20  # 429s in a row before a page is given up
LONGEST_WAIT = 900.0  # seconds, even if a 429 asks for more

_CONNECTION_FAILURES = (
    (urllib3.exceptions.NameResolutionError, "unknown host name"),
    (urllib3.exceptions.SSLError, "the certificate is not trusted"),
    (urllib3.exceptions.ProxyError, "the proxy refused the connection"),
    # Before ConnectTimeoutError, of which it is a subclass.
    (urllib3.exceptions.NewConnectionError, "the connection was refused"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection within {:g} seconds"),
)
_MISSING_RESPONSES = (
    (urllib3.exceptions.ReadTimeoutError, "no data within {:g} seconds"),
    (urllib3.exceptions.ResponseError, "a redirect loop"),
    (urllib3.exceptions.DecodeError, "a body that cannot be decompressed"),
    (urllib3.exceptions.IncompleteRead, "a truncated body"),
    (urllib3.exceptions.ProtocolError, "a dropped connection"),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiTarget:
    """A tenant's API: its address, the key, where that is set, and how pages are requested."""

    tenant: str
    address: str
    key: str = field(repr=False)
    page_size: int
    page_param: str
    page_size_param: str
    key_place: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the target that the settings describe."""
        return cls(
            tenant=settings.tenant,
            address=settings.address,
            key=settings.key,
            page_size=settings.page_size,
            page_param=settings.page_param,
            page_size_param=settings.page_size_param,
            key_place=settings.key_place,
        )

    @property
    def host(self) -> str:
        """Host name, with the port if there is one."""
        return urlsplit(self.address).netloc

    def list_source(self, endpoint: Endpoint) -> dict[str, object]:
        """Return what identifies a list and its pages: pages of two sources never mix."""
        names = ("address", "page_size", "page_param", "page_size_param")
        return {"endpoint": endpoint.name, **{name: getattr(self, name) for name in names}}

    def list_source_json(self, endpoint: Endpoint) -> str:
        """Return `list_source` as JSON text."""
        return msgspec.json.encode(self.list_source(endpoint), order="sorted").decode()


@dataclass(frozen=True)
class ApiConnection:
    """A tenant's API, and the rate limiter shared by all processes that use its key."""

    target: ApiTarget
    limiter: RateLimiter

    @classmethod
    def from_settings(cls, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Self:
        """Return the connection that the settings describe; `sleep` takes seconds."""
        limiter = RateLimiter(
            limiter_path(settings.key),
            settings.requests_per_window,
            settings.window_seconds,
            sleep=sleep,
        )
        return cls(ApiTarget.from_settings(settings), limiter)


class Client:
    """Fetches pages of lists, one at a time; not thread-safe.

    `backoff` is the wait before the first retry in seconds (it doubles, with jitter), `sleep` takes
    seconds, setting `stop` ends the retries. `limit_headers` are the headers about the rate limit
    in the last response, by lower-case name.
    """

    def __init__(
        self,
        connection: ApiConnection,
        backoff: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        stop: threading.Event | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.target = connection.target
        self.limit_headers: dict[str, str] = {}
        self._limiter = connection.limiter
        self._backoff = backoff
        self._sleep = sleep
        self._stop = stop or threading.Event()
        self._max_attempts = max_attempts
        self._last_wrong_page: int | None = None  # number returned by the previous attempt
        self._session = HttpSession(self.target.address, self.target.key, self._limiter, TIMEOUT)

    @property
    def counts(self) -> RequestCounts:
        """Cost of this client's requests so far."""
        return self._session.counts

    def fetch_page(
        self,
        endpoint: Endpoint,
        number: int,
        page_size: int | None = None,
        observed_size: int | None = None,
    ) -> Page:
        """Fetch one page, retrying if that may help; number 0 requests no particular page.

        `page_size` is the number of rows to ask for (default: the setting), `observed_size` the
        rows that a page of this list was seen to hold. A page past the end has no rows. Raises
        KeyRefused, RightMissing, NotFound, Redirected and Refused without a retry, PageIgnored if
        the server returned page 1 twice instead, Unreachable and BadAnswer after the last attempt,
        and Abandoned.
        """
        if self._stop.is_set():
            raise Abandoned
        self._last_wrong_page = None
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientFailure),
            stop=tenacity.stop_after_attempt(self._max_attempts)
            | tenacity.stop_when_event_set(self._stop),
            wait=tenacity.wait_exponential(self._backoff, max=30)
            + tenacity.wait_random(0, self._backoff),
            sleep=self._sleep,
            before_sleep=lambda state: log.info(
                "page %s: attempt %s", number, state.attempt_number + 1
            ),
            reraise=True,
        )
        try:
            return retrying(self._attempt, endpoint, number, page_size, observed_size)
        except _TransientFailure as failure:
            raise failure.error from None

    def _attempt(
        self, endpoint: Endpoint, number: int, page_size: int | None, observed_size: int | None
    ) -> Page:
        status, body = self._get(endpoint, number, page_size)
        if status == 404 and number > 1:
            return empty_page(number)
        if status in {401, 403, 404}:
            raise self._access_error(endpoint, status)
        if 500 <= status < 600:
            raise _TransientFailure(BadAnswer(endpoint.name, number, f"status {status}"))
        if status != 200:
            raise Refused(endpoint.name, number, status)
        try:
            return parse_page(body, endpoint, number, observed_size)
        except MalformedPage as error:
            returned = error.returned if isinstance(error, WrongPage) else None
            if returned == 1 == self._last_wrong_page:
                raise PageIgnored(endpoint.name, self.target.page_param) from None
            self._last_wrong_page = returned
            raise _TransientFailure(BadAnswer(endpoint.name, number, str(error))) from None

    def _get(self, endpoint: Endpoint, number: int, page_size: int | None) -> tuple[int, bytes]:
        """Repeat the request until it is not a 429; its wait applies to all processes."""
        url = f"{self.target.address}/{endpoint.path}"
        parameters: dict[str, str | int] = {self.target.page_param: number} if number else {}
        parameters[self.target.page_size_param] = page_size or self.target.page_size
        for _ in range(MAX_REFUSALS):
            try:
                response = self._session.get(url, parameters)
            except urllib3.exceptions.HTTPError as error:
                raise self._transport_failure(endpoint, number, error) from None
            self.limit_headers = {
                name.lower(): value
                for name, value in response.headers.items()
                if name.lower().startswith(("x-ratelimit", "ratelimit", "retry-after"))
            }
            if response.status != 429:
                return response.status, response.data
            self.counts.refused += 1
            wait = parse_retry_after(response.headers.get("Retry-After"), self._limiter.window)
            log.info("%s: rate limit exceeded, waiting %.0f s", endpoint.name, wait)
            self._limiter.block(wait)
        raise Refused(endpoint.name, number, 429)

    def _access_error(self, endpoint: Endpoint, status: int) -> ApiError:
        if status == 401:
            return KeyRefused(self.target.tenant, self.target.key_place)
        if status == 403:
            return RightMissing(endpoint.name)
        return NotFound(endpoint.name, f"{self.target.address}/{endpoint.path}")

    def _transport_failure(
        self, endpoint: Endpoint, number: int, error: Exception
    ) -> "_TransientFailure":
        if reason := describe_connection_failure(error, TIMEOUT):
            return _TransientFailure(Unreachable(endpoint.name, self.target.host, reason))
        missing = describe_missing_response(error, TIMEOUT)
        return _TransientFailure(BadAnswer(endpoint.name, number, missing))


def describe_connection_failure(error: Exception, timeout: float) -> str | None:
    """Return why no connection was made within `timeout` seconds, None if one was made."""
    reason = next((text for kind, text in _CONNECTION_FAILURES if isinstance(error, kind)), None)
    return reason and reason.format(timeout)


def describe_missing_response(error: Exception, timeout: float) -> str:
    """Return what arrived over a connection instead of a response within `timeout` seconds."""
    texts = (text for kind, text in _MISSING_RESPONSES if isinstance(error, kind))
    return next(texts, "a failed transfer").format(timeout)


def parse_retry_after(retry_after: str | None, window: float) -> float:
    """Return the seconds to wait after a 429: a whole window if the header does not say."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after or "").timestamp() - time.time()
        except (ValueError, OverflowError):
            seconds = window
    if not math.isfinite(seconds):
        seconds = window
    jitter = random.uniform(0, 0.05)  # noqa: S311 - spreads processes, protects no secret
    return min(max(seconds, 0.05), LONGEST_WAIT) + jitter


class _TransientFailure(Exception):
    """A failure worth a retry; `error` is raised if the last attempt fails too."""

    def __init__(self, error: P4BooksError) -> None:
        self.error = error
