"""Probes of the API: reachability of each endpoint and detection of its behaviour."""

from collections.abc import Sequence
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
from p4books.extract.client import TRIES, ApiConnection, Client
from p4books.extract.page import AGAIN, Page
from p4books.extract.pagination import detect_order
from p4books.settings import Settings

SMALL = 1  # rows asked for; an answer with more shows that the page size is not honoured


@dataclass(frozen=True)
class ProbeResult:
    """What one light request told of an endpoint.

    `page_size_honoured` is None where the list is too short to tell; `fault` is the sentence of
    what went wrong, None where nothing did.
    """

    endpoint: str
    reachable: bool
    allowed: bool | None
    announced: int | None
    page_size_honoured: bool | None
    fault: ApiError | None


def probe_endpoints(settings: Settings) -> list[ProbeResult]:
    """Ask for one row of each endpoint that is set.

    Raises KeyRefused and Unreachable at once: they are the same for all.
    """
    client = Client(ApiConnection.from_settings(settings))
    return [probe_endpoint(ENDPOINTS[name], client) for name in settings.endpoints]


def probe_endpoint(endpoint: Endpoint, client: Client) -> ProbeResult:
    """Ask for one row of an endpoint."""
    try:
        answer = client.page(endpoint, 1, size=SMALL)
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
    tells = answer.rows > SMALL or (answer.total or 0) > SMALL
    return ProbeResult(
        endpoint=endpoint.name,
        reachable=True,
        allowed=True,
        announced=answer.total,
        page_size_honoured=answer.rows <= SMALL if tells else None,
        fault=None,
    )


MANY = 1000  # rows asked for, to see how many come at most
FEWER = (100, 50, 10)  # rows asked for, where the setting's are refused
PAGE_NAMES = ("page", "Page", "page_number", "PageNumber")
SIZE_NAMES = ("page_size", "PageSize", "pageSize", "per_page", "limit")


@dataclass(frozen=True)
class ApiCapabilities:
    """What a handful of requests found out; None where the list is too short to tell.

    `rows` are those that the list announces, None where it announces none, or a page's only.
    `page_size` are the rows that came when the setting's were asked for (or fewer, where those were
    refused), `most_rows` the most that came on a page. `page_param` and `page_size_param` are the
    names that work. `past_end` is what comes for a page that is not there. `limits` are the headers
    that tell of the limit.
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


def detect_capabilities(settings: Settings, endpoint: Endpoint) -> ApiCapabilities:
    """Ask one list, best the longest, in a few ways. Raises ApiError where it can't be read."""
    asking = _CapabilityProbe(settings, endpoint)
    first = asking.first()
    page_param, second = asking.second(first)
    if second and first.rows == first.total and second.rows == second.total:
        first = replace(first, total=None)
    size_param = asking.size_param(first)
    last = asking.end(first, page_param)
    return ApiCapabilities(
        endpoint=endpoint.name,
        rows=first.total,
        order=detect_order(first, last).value if last else None,
        page_size=first.rows,
        most_rows=asking.most_rows(first, size_param),
        past_end=asking.past_end(first, page_param),
        page_param=page_param,
        page_size_param=size_param,
        limits=tuple(sorted(asking.limits)),
    )


class _CapabilityProbe:
    """The questions to one list."""

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        connection = ApiConnection.from_settings(settings)
        self._target = connection.target
        self._limiter = connection.limiter
        self._endpoint = endpoint
        self.limits: set[str] = set()

    def first(self) -> Page:
        """Return page 1, of fewer rows where the setting's are refused, as are all later pages."""
        try:
            return self.page(1)
        except Refused:
            fewer = [size for size in FEWER if size < self._target.page_size]
            if not fewer:
                raise
            self._target = replace(self._target, page_size=fewer[0])
            return self.first()

    def page(
        self,
        page: int,
        size: int | None = None,
        learned: int | None = None,
        tries: int = TRIES,
        **own: str,
    ) -> Page:
        """Ask for a page, with names of parameters other than the setting's."""
        target = replace(self._target, **own)  # type: ignore[arg-type]
        client = Client(ApiConnection(target, self._limiter), tries=tries)
        try:
            return client.page(self._endpoint, page, size=size, learned=learned)
        finally:
            self.limits |= client.limits.keys()

    def second(self, first: Page) -> tuple[str | None, Page | None]:
        """Return the name by which page 2 is another page, and that page; none of one page.

        Raises PageIgnored where there are more, and no name gives them.
        """
        full = first.rows >= self._target.page_size  # its total may count the page only
        if not (_continues(first) or full):
            return None, None
        for name in _response_names(self._target.page_param, PAGE_NAMES):
            try:
                second = self.page(2, tries=1, page_param=name)
            except BadAnswer:  # it says that it is page 1
                continue
            if second.records.keys() != first.records.keys():
                return name, second
        if _continues(first):
            raise PageIgnored(self._endpoint.name, self._target.page_param)
        return None, None

    def size_param(self, first: Page) -> str | None:
        """Return the name by which fewer rows come; None where none does, or none is needed."""
        if first.rows < 2:
            return None
        for name in _response_names(self._target.page_size_param, SIZE_NAMES):
            if self.page(1, size=1, page_size_param=name).rows == 1:
                return name
        return None

    def most_rows(self, first: Page, name: str | None) -> int | None:
        """Return how many rows come at most; None where the list has no more."""
        if name is None or not _continues(first):
            return first.rows if _continues(first) else None
        try:
            many = self.page(1, size=MANY, page_size_param=name)
        except Refused:
            return first.rows
        return many.rows if _continues(many) else None

    def end(self, first: Page, name: str | None) -> Page | None:
        """Return the last page, where a total tells which it is, and it is not the first."""
        if name is None or not first.total or first.total <= first.rows:
            return None
        return self.page(-(-first.total // first.rows), page_param=name)

    def past_end(self, first: Page, name: str | None) -> str | None:
        """Say what comes for a page well past the end."""
        if name is None or not first.total:
            return None
        try:
            page = -(-first.total // first.rows) + 2
            beyond = self.page(page, learned=first.rows, page_param=name)
        except ApiError as fault:
            return type(fault).__name__
        return AGAIN if beyond.rows else beyond.past_end or "no rows"


def _continues(answer: Page) -> bool:
    return answer.rows > 0 and (answer.total is None or answer.total > answer.rows)


def _response_names(ours: str, known: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((ours, *known)))
