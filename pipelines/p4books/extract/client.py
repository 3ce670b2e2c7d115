"""API client: one page per call, with retries, backoff and rate limiting."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
from p4books.extract.clock import ClockCheck
from p4books.extract.connections import describe_proxy
from p4books.extract.failures import (
    ConnectionFailure,
    describe_connection_failure,
    describe_missing_response,
    suggest_remedy,
)
from p4books.extract.http import HttpSession, RequestCounts, Timeouts, TooSlow
from p4books.extract.page import (
    MalformedPage,
    Page,
    WrongPage,
    describe_html,
    empty_page,
    parse_page,
)
from p4books.extract.postgres_limiter import PostgresRateLimiter
from p4books.extract.rate_limiter import Limiter, RateLimiter, hash_key, limiter_path
from p4books.extract.retry_after import RefusalSeries
from p4books.settings import Settings

MAX_ATTEMPTS = 5  # of one request, including the first
MAX_SLOW_ATTEMPTS = 2  # of them with a response that is too slow, since each takes minutes

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
    ignored_totals: frozenset[str] = frozenset()  # names of endpoints

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
            ignored_totals=frozenset(settings.ignore_totals),
        )

    @property
    def host(self) -> str:
        """Host name, with the port if there is one."""
        return urlsplit(self.address).netloc

    @property
    def host_setting(self) -> str:
        """The setting that determines the host."""
        return "tenant" if self.host.startswith(f"{self.tenant}.") else "base_url"

    def describe_failure(self, error: Exception, timeouts: Timeouts) -> ConnectionFailure:
        """Describe why there was no connection to it."""
        proxy = describe_proxy(self.address)
        return describe_connection_failure(error, timeouts, self.host_setting, proxy)

    def list_source(self, endpoint: Endpoint) -> dict[str, object]:
        """Return what identifies a list and its pages: pages of two sources never mix."""
        names = ("address", "page_size", "page_param", "page_size_param")
        source = {"endpoint": endpoint.name, **{name: getattr(self, name) for name in names}}
        return source | ({"total": "ignored"} if endpoint.name in self.ignored_totals else {})

    def list_source_json(self, endpoint: Endpoint) -> str:
        """Return `list_source` as JSON text."""
        return msgspec.json.encode(self.list_source(endpoint), order="sorted").decode()


@dataclass(frozen=True)
class ApiConnection:
    """A tenant's API, the rate limiter shared by all processes that use its key, and timeouts.

    `clock_check` compares the clock with the responses; None: nothing does.
    """

    target: ApiTarget
    limiter: Limiter
    timeouts: Timeouts = field(default_factory=Timeouts)
    clock_check: ClockCheck | None = None

    @classmethod
    def from_settings(cls, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Self:
        """Return the connection that the settings describe; `sleep` takes seconds."""
        timeouts = Timeouts(total=settings.request_timeout)
        return cls(ApiTarget.from_settings(settings), _open_limiter(settings, sleep), timeouts)


def _open_limiter(settings: Settings, sleep: Callable[[float], None]) -> Limiter:
    """Open the limiter of the key: of this machine, or of all if any of them runs the tenant.

    Of all, too, if the catalog is set but neither a home nor a lake needs it: on a machine that
    pushes for a tenant which others sync.
    """
    limit, window = settings.requests_per_window, settings.window_seconds
    if settings.lake and (settings.home or not settings.lake.storage):
        key = hash_key(settings.key)
        return PostgresRateLimiter(settings.lake.catalog, key, limit, window, sleep=sleep)
    return RateLimiter(limiter_path(settings.key), limit, window, sleep=sleep)


class Client:
    """Fetches pages of lists, one at a time; not thread-safe.

    `backoff` is the wait before the first retry in seconds (it doubles, with jitter), `sleep` takes
    seconds, setting `stop` ends the retries.
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
        self._headers: Mapping[str, str] = {}  # of the last response
        self._limiter = connection.limiter
        self._sleep = sleep
        self._stop = stop or threading.Event()
        self._clock_check = connection.clock_check
        self._last_wrong_page: int | None = None  # number returned by the previous attempt
        self._timeouts = connection.timeouts
        self._slow_attempts = 0
        self._session = HttpSession(
            self.target.address, self.target.key, self._limiter, self._timeouts
        )
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientFailure),
            stop=tenacity.stop_after_attempt(max_attempts)
            | tenacity.stop_when_event_set(self._stop),
            wait=tenacity.wait_exponential(backoff, max=30) + tenacity.wait_random(0, backoff),
            sleep=self._sleep,
            before_sleep=lambda state: log.info(
                "page %s: attempt %s", state.args[1], state.attempt_number + 1
            ),
            reraise=True,
        )

    def close(self) -> None:
        """Close the connection; if a request uses it, after that."""
        self._session.close()

    @property
    def counts(self) -> RequestCounts:
        """Cost of this client's requests so far."""
        return self._session.counts

    @property
    def limit_headers(self) -> dict[str, str]:
        """Headers about the rate limit in the last response, by lower-case name."""
        return {
            name.lower(): value
            for name, value in self._headers.items()
            if name.lower().startswith(("x-ratelimit", "ratelimit", "retry-after"))
        }

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
        Abandoned, and what `ClockCheck.compare` raises.
        """
        if self._stop.is_set():
            raise Abandoned
        self._last_wrong_page, self._slow_attempts = None, 0
        try:
            return self._retrying(self._attempt, endpoint, number, page_size, observed_size)
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
            html = describe_html(body)
            what = f"status {status}" + (f" and {html}" if html else "")
            raise _TransientFailure(BadAnswer(endpoint.name, number, what))
        if status != 200:
            raise Refused(endpoint.name, number, status)
        try:
            page = parse_page(body, endpoint, number, observed_size)
        except MalformedPage as error:
            returned = error.returned if isinstance(error, WrongPage) else None
            if returned == 1 == self._last_wrong_page:
                raise PageIgnored(endpoint.name, self.target.page_param) from None
            self._last_wrong_page = returned
            raise _TransientFailure(BadAnswer(endpoint.name, number, str(error))) from None
        return replace(page, total=None) if endpoint.name in self.target.ignored_totals else page

    def _get(self, endpoint: Endpoint, number: int, page_size: int | None) -> tuple[int, bytes]:
        """Repeat the request until it is not a 429; its wait applies to all processes."""
        url = f"{self.target.address}/{endpoint.path}"
        parameters: dict[str, str | int] = {self.target.page_param: number} if number else {}
        parameters[self.target.page_size_param] = page_size or self.target.page_size
        refusals = RefusalSeries(self._limiter.window)
        while True:
            try:
                response = self._session.get(url, parameters)
            except urllib3.exceptions.HTTPError as error:
                raise self._transport_failure(endpoint, number, error) from None
            self._headers = response.headers
            if self._clock_check and response.status == 200:
                self._clock_check.compare(response.headers)
            if response.status != 429:
                return response.status, response.data
            self.counts.refused += 1
            wait = refusals.next_wait(response.headers)
            if wait is None:
                raise Refused(endpoint.name, number, 429)
            log.info("%s: rate limit exceeded, waiting %.0f s", endpoint.name, wait)
            self._limiter.block(wait)

    def _access_error(self, endpoint: Endpoint, status: int) -> ApiError:
        if status == 401:
            return KeyRefused(self.target.tenant, self.target.key_place)
        if status == 403:
            return RightMissing(endpoint.name)
        return NotFound(endpoint.name, f"{self.target.address}/{endpoint.path}")

    def _transport_failure(self, endpoint: Endpoint, number: int, error: Exception) -> Exception:
        """Return the error to raise: a transient failure, unless a retry would take too long."""
        if not self._session.request_sent:
            failure, host = self.target.describe_failure(error, self._timeouts), self.target.host
            return _TransientFailure(Unreachable(endpoint.name, host, failure.why, failure.remedy))
        what, remedy = describe_missing_response(error, self._timeouts), suggest_remedy(error)
        answer = BadAnswer(endpoint.name, number, what, remedy)
        self._slow_attempts += isinstance(error, TooSlow)
        return answer if self._slow_attempts >= MAX_SLOW_ATTEMPTS else _TransientFailure(answer)


class _TransientFailure(Exception):
    """A failure worth a retry; `error` is raised if the last attempt fails too."""

    def __init__(self, error: P4BooksError) -> None:
        self.error = error
