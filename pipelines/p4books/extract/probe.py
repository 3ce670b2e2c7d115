"""Probes of the API: reachability of each endpoint and detection of its behaviour."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import (
    ApiError,
    BadAnswer,
    KeyRefused,
    PageIgnored,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.client import MAX_ATTEMPTS, ApiConnection, Client
from p4books.extract.page import LAST_PAGE_AGAIN, Page
from p4books.extract.pagination import detect_order
from p4books.settings import Settings

_SMALL = 1  # rows requested; more in the response mean that the page size is ignored
_LARGE = 1000  # rows requested to find out the most that a page holds
_FALLBACK_SIZES = (100, 50, 10)  # rows requested if the size of the settings is refused
_PAGE_PARAMS = ("page", "Page", "page_number", "PageNumber")
_PAGE_SIZE_PARAMS = ("page_size", "PageSize", "pageSize", "per_page", "limit")


@dataclass(frozen=True)
class ProbeResult:
    """What one small request showed of an endpoint.

    `announced` is the number of rows of the list. `page_size_honoured` is None if the list is too
    short to tell; `fault` is None if nothing went wrong.
    """

    endpoint: str
    reachable: bool
    allowed: bool | None
    announced: int | None
    page_size_honoured: bool | None
    fault: ApiError | None


@dataclass(frozen=True)
class ApiCapabilities:
    """How the API behaves, as a handful of requests showed; None if the list is too short to tell.

    `rows` is what the list announces, None if it announces nothing or the rows of a page only.
    `page_size` is the rows received when those of the settings were requested (or fewer, if those
    were refused), `most_rows` the most received on a page. `page_param` and `page_size_param` are
    the names that work. `total_is_exact` is whether the last page by the total has the rows that
    it leaves. `past_end` is what is returned for a page that does not exist. `limits` are
    the headers about the rate limit.
    """

    endpoint: str
    rows: int | None
    order: str | None
    page_size: int
    most_rows: int | None
    past_end: str | None
    page_param: str | None
    page_size_param: str | None
    limits: tuple[str, ...]
    total_is_exact: bool | None = None


def probe_endpoints(settings: Settings) -> list[ProbeResult]:
    """Request one row of each endpoint of the settings.

    Raises KeyRefused and Unreachable at once, since they would be the same for all.
    """
    with closing(Client(ApiConnection.from_settings(settings))) as client:
        return [probe_endpoint(ENDPOINTS[name], client) for name in settings.endpoints]


def probe_endpoint(endpoint: Endpoint, client: Client) -> ProbeResult:
    """Request one row of an endpoint. Raises KeyRefused and Unreachable."""
    try:
        page = client.fetch_page(endpoint, 1, page_size=_SMALL)
    except (KeyRefused, Unreachable):
        raise
    except ApiError as fault:
        return ProbeResult(
            endpoint=endpoint.name,
            reachable=not isinstance(fault, BadAnswer),
            allowed=False if isinstance(fault, RightMissing) else None,
            announced=None,
            page_size_honoured=None,
            fault=fault,
        )
    is_conclusive = page.rows > _SMALL or (page.total or 0) > _SMALL
    return ProbeResult(
        endpoint=endpoint.name,
        reachable=True,
        allowed=True,
        announced=page.total,
        page_size_honoured=page.rows <= _SMALL if is_conclusive else None,
        fault=None,
    )


def detect_capabilities(settings: Settings, endpoint: Endpoint) -> ApiCapabilities:
    """Find out how the API behaves by one list, best the longest.

    Raises ApiError if the list cannot be read.
    """
    probe = _CapabilityProbe(settings, endpoint)
    first = probe.fetch_first()
    page_param, second = probe.detect_page_param(first)
    if second and first.rows == first.total and second.rows == second.total:
        first = replace(first, total=None)
    page_size_param = probe.detect_page_size_param(first)
    last = probe.fetch_last(first, page_param)
    return ApiCapabilities(
        endpoint=endpoint.name,
        rows=first.total,
        order=detect_order(first, last).value if last else None,
        page_size=first.rows,
        most_rows=probe.detect_most_rows(first, page_size_param),
        past_end=probe.detect_past_end(first, page_param),
        page_param=page_param,
        page_size_param=page_size_param,
        limits=tuple(sorted(probe.limit_headers)),
        total_is_exact=_agrees_with_total(last, first) if last else None,
    )


class _CapabilityProbe:
    """The requests to one list; `limit_headers` are the names of all headers about the limit."""

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        connection = ApiConnection.from_settings(settings)
        self.limit_headers: set[str] = set()
        self._target = connection.target
        self._limiter = connection.limiter
        self._endpoint = endpoint

    def fetch_first(self) -> Page:
        """Fetch page 1; if the page size is refused, with a smaller one, also from then on."""
        try:
            return self._fetch(1)
        except Refused:
            smaller = [size for size in _FALLBACK_SIZES if size < self._target.page_size]
            if not smaller:
                raise
            self._target = replace(self._target, page_size=smaller[0])
            return self.fetch_first()

    def detect_page_param(self, first: Page) -> tuple[str | None, Page | None]:
        """Return the parameter by which page 2 is another page, and that page; or None twice.

        Raises PageIgnored if the list has more pages, and no parameter returns them.
        """
        is_full = first.rows >= self._target.page_size  # its total may count the page only
        if not (_has_more(first) or is_full):
            return None, None
        for name in _candidates(self._target.page_param, _PAGE_PARAMS):
            try:
                second = self._fetch(2, max_attempts=1, page_param=name)
            except BadAnswer:  # it says that it is page 1
                continue
            if second.records.keys() != first.records.keys():
                return name, second
        if _has_more(first):
            raise PageIgnored(self._endpoint.name, self._target.page_param)
        return None, None

    def detect_page_size_param(self, first: Page) -> str | None:
        """Return the parameter that limits the rows; None if none does, or none is needed."""
        if first.rows < 2:
            return None
        for name in _candidates(self._target.page_size_param, _PAGE_SIZE_PARAMS):
            if self._fetch(1, page_size=1, page_size_param=name).rows == 1:
                return name
        return None

    def fetch_last(self, first: Page, page_param: str | None) -> Page | None:
        """Fetch the last page, None if it is unknown or the first."""
        if page_param is None or not first.total or first.total <= first.rows:
            return None
        return self._fetch(-(-first.total // first.rows), page_param=page_param)

    def detect_most_rows(self, first: Page, page_size_param: str | None) -> int | None:
        """Return the most rows of a page, None if the list has no more than that."""
        if page_size_param is None or not _has_more(first):
            return first.rows if _has_more(first) else None
        try:
            large = self._fetch(1, page_size=_LARGE, page_size_param=page_size_param)
        except Refused:
            return first.rows
        return large.rows if _has_more(large) else None

    def detect_past_end(self, first: Page, page_param: str | None) -> str | None:
        """Return what the server does for a page well past the end."""
        if page_param is None or not first.total:
            return None
        try:
            number = -(-first.total // first.rows) + 2
            page = self._fetch(number, observed_size=first.rows, page_param=page_param)
        except ApiError as fault:
            return type(fault).__name__
        return LAST_PAGE_AGAIN if page.rows else page.past_end or "no rows"

    def _fetch(
        self,
        number: int,
        page_size: int | None = None,
        observed_size: int | None = None,
        max_attempts: int = MAX_ATTEMPTS,
        **params: str,
    ) -> Page:
        """Fetch a page, with other parameter names than those of the settings."""
        target = replace(self._target, **params)  # type: ignore[arg-type]
        client = Client(ApiConnection(target, self._limiter), max_attempts=max_attempts)
        try:
            return client.fetch_page(self._endpoint, number, page_size, observed_size)
        finally:
            self.limit_headers |= client.limit_headers.keys()
            client.close()


def _agrees_with_total(last: Page, first: Page) -> bool:
    """Return whether the last page has as many rows as the total leaves for it."""
    total = last.total if last.total is not None else first.total or 0
    return last.rows == min(max(total - (last.number - 1) * first.rows, 0), first.rows)


def _has_more(page: Page) -> bool:
    return page.rows > 0 and (page.total is None or page.total > page.rows)


def _candidates(own: str, others: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((own, *others)))
