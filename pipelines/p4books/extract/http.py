"""HTTP session that sends the key to one host only, with one attempt per call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit, urlunsplit

import urllib3

from p4books.errors import Redirected
from p4books.extract.connections import ConnectionWatch, open_pool
from p4books.extract.encodings import CompressedBody, decode_body
from p4books.extract.rate_limiter import Limiter
from p4books.extract.redirects import PERMANENT, REDIRECTS, RedirectTarget, resolve_redirect

MAX_REDIRECTS = 3  # followed in a row, on the same host only


@dataclass(frozen=True)
class Timeouts:
    """When a request is given up: after so many seconds without a byte, or in total."""

    silence: float = 30.0  # recommended by the vendor
    total: float = 120.0


@dataclass(frozen=True)
class HttpResponse:
    """A complete response; `data` is its decompressed body.

    `redirect` is where it redirects to, None if it does not.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes
    redirect: RedirectTarget | None = None


class TooSlow(urllib3.exceptions.HTTPError):
    """A request was cut because it took longer than its total time."""


class RedirectLoop(urllib3.exceptions.HTTPError):
    """A request was redirected too often."""


@dataclass
class RequestCounts:
    """Cost of the requests made so far; `refused` counts 429s, `waited` is in seconds."""

    requests: int = 0
    refused: int = 0
    waited: float = 0.0

    def add_wait(self, seconds: float) -> None:
        """Add the seconds that a request waited for the rate limiter."""
        self.waited += seconds


class HttpSession:
    """Sends requests with the key, within the rate limit, to one host.

    Nothing is retried here: every request, including one after a redirect, takes a slot of the rate
    limiter and is counted. Raises urllib3's HTTPError if no complete response arrived (TooSlow and
    RedirectLoop are such), CompressedBody if its body cannot be decompressed, Redirected if the
    server points to another host, and DiskTrouble. Opening one raises BadCertificateFile and
    BadProxy.
    """

    def __init__(
        self, address: str, key: str, limiter: Limiter, timeouts: Timeouts | None = None
    ) -> None:
        self.counts = RequestCounts()
        self._limiter = limiter
        self._timeouts = timeouts or Timeouts()
        self._watch = ConnectionWatch()
        self._pool = open_pool(address, self._watch)
        self._moved: dict[str, str] = {}  # paths that the server moved for good
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }

    def close(self) -> None:
        """Close the connection, which is else open until Python collects cycles of objects.

        If a request uses it, it is closed after that.
        """
        self._pool.clear()

    @property
    def request_sent(self) -> bool:
        """Whether any byte of the last request may have been sent; if not, it never arrived."""
        return self._watch.sent

    def post(
        self,
        url: str,
        body: bytes,
        *,
        before_wait: Callable[[], object] = lambda: None,
        before_send: Callable[[], object] = lambda: None,
    ) -> HttpResponse:
        """Send one POST, once, and return its complete response; redirects are not followed.

        `before_wait` is called before each wait for the rate limiter, `before_send` right before
        the request is sent.
        """
        return self._send("POST", url, body, before_wait, before_send)

    def get(self, url: str, parameters: Mapping[str, str | int]) -> HttpResponse:
        """Send one GET, follow redirects on the same host, and return the complete response."""
        url = f"{self._moved.get(url, url)}?{urlencode(parameters)}"
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send("GET", url)
            target = response.redirect
            if target is None:
                return response
            if not target.is_same_host:
                raise Redirected(urlsplit(url).netloc, target.shown, target.remedy)
            if response.status in PERMANENT and target.keeps_query:
                self._moved[_remove_query(url)] = _remove_query(target.url)
            url = target.url
        raise RedirectLoop

    def get_once(self, url: str, parameters: Mapping[str, str | int]) -> HttpResponse:
        """Send one GET and return its complete response; redirects are not followed."""
        return self._send("GET", f"{url}?{urlencode(parameters)}")

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        before_wait: Callable[[], object] = lambda: None,
        before_send: Callable[[], object] = lambda: None,
    ) -> HttpResponse:
        self._watch.sent = False
        slot = self._limiter.acquire(self.counts.add_wait, before_wait)
        try:
            before_send()
            self.counts.requests += 1
            return _build_response(url, self._request(method, url, body))
        finally:
            self._limiter.release(slot)

    def _request(self, method: str, url: str, body: bytes | None) -> urllib3.BaseHTTPResponse:
        try:
            with self._watch.limit(self._timeouts.total):
                response = self._pool.urlopen(
                    method,
                    url,
                    body=body,
                    headers=self._headers,
                    timeout=self._timeouts.silence,
                    retries=False,
                    redirect=False,
                    decode_content=False,
                )
        except urllib3.exceptions.HTTPError:
            if self._watch.is_cut:
                raise TooSlow from None
            raise
        if self._watch.is_cut:  # a body without a length seems to be complete
            raise TooSlow
        return response


def _build_response(url: str, response: urllib3.BaseHTTPResponse) -> HttpResponse:
    """Decompress the body; it matters only if the status says that it is what was asked for."""
    built = HttpResponse(response.status, response.headers, response.data)
    if response.status in REDIRECTS and response.headers.get("Location"):
        built = replace(built, redirect=resolve_redirect(url, response.headers.get("Location")))
    try:
        return replace(
            built, data=decode_body(built.data, built.headers.get("Content-Encoding", ""))
        )
    except CompressedBody:
        if 200 <= response.status < 300:
            raise
        return replace(built, data=b"")


def _remove_query(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query=""))
