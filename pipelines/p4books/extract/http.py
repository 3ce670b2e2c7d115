"""HTTP session that sends the key to one host only, with one attempt per call."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from p4books.errors import Redirected
from p4books.extract.rate_limiter import RateLimiter

MAX_REDIRECTS = 3  # in a row, on the same host only


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
    limiter and is counted. Raises urllib3's HTTPError if no complete response arrived, Redirected
    if the server points to another host, and DiskTrouble.
    """

    def __init__(self, address: str, key: str, limiter: RateLimiter, timeout: float) -> None:
        self.counts = RequestCounts()
        self._limiter = limiter
        self._timeout = timeout
        self._request_sent = False
        self._pool = _open_pool(address)
        self._pool.pool_classes_by_scheme = _build_pool_classes(self._mark_sent)
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }

    @property
    def request_sent(self) -> bool:
        """Whether any byte of the last request may have been sent; if not, it never arrived."""
        return self._request_sent

    def post(
        self,
        url: str,
        body: bytes,
        *,
        before_wait: Callable[[], object] = lambda: None,
        before_send: Callable[[], object] = lambda: None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one POST, once, and return its complete response; redirects are not followed.

        `before_wait` is called before each wait for the rate limiter, `before_send` right before
        the request is sent.
        """
        return self._send("POST", url, body, before_wait, before_send)

    def get(self, url: str, parameters: dict[str, str | int]) -> urllib3.BaseHTTPResponse:
        """Send one GET, follow redirects on the same host, and return the complete response."""
        url = f"{url}?{urlencode(parameters)}"
        for _ in range(MAX_REDIRECTS):
            response = self._send("GET", url)
            location = response.get_redirect_location()
            if not location:
                return response
            url = _resolve_redirect(url, location)
        raise urllib3.exceptions.ResponseError("a redirect loop")

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        before_wait: Callable[[], object] = lambda: None,
        before_send: Callable[[], object] = lambda: None,
    ) -> urllib3.BaseHTTPResponse:
        self._request_sent = False
        slot = self._limiter.acquire(self.counts.add_wait, before_wait)
        try:
            before_send()
            self.counts.requests += 1
            return self._pool.urlopen(
                method,
                url,
                body=body,
                headers=self._headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
        finally:
            self._limiter.release(slot)

    def _mark_sent(self) -> None:
        self._request_sent = True


def _build_pool_classes(
    on_send: Callable[[], None],
) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Build connection pools that call `on_send` once connected, before the first byte is sent."""

    class Watched(HTTPConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.is_closed:
                self.connect()
            on_send()
            super().request(*args, **kwargs)

    class WatchedTls(Watched, HTTPSConnection):
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Watched

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = WatchedTls

    return {"http": Pool, "https": TlsPool}


def _open_pool(address: str) -> urllib3.PoolManager:
    """Open a connection pool with the proxies and certificates of the environment."""
    authorities = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    parts = urlsplit(address)
    is_local = parts.scheme == "http"  # allowed for this machine only, which no proxy reaches
    proxy = None if is_local or proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    if proxy is None:
        return urllib3.PoolManager(ca_certs=authorities or certifi.where())
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    login = urlsplit(proxy)
    headers = (
        urllib3.make_headers(
            proxy_basic_auth=f"{unquote(login.username)}:{unquote(login.password or '')}"
        )
        if login.username
        else None
    )
    return urllib3.ProxyManager(
        proxy, proxy_headers=headers, ca_certs=authorities or certifi.where()
    )


def _resolve_redirect(url: str, location: str) -> str:
    """Return the URL a redirect leads to. Raises Redirected if it is not on the same host."""
    current = urlsplit(url)
    try:
        target_url = urljoin(url, location)
        target = urlsplit(target_url)
    except ValueError:
        raise Redirected(current.netloc, "an invalid address") from None
    if (current.scheme, current.netloc) != (target.scheme, target.netloc):
        raise Redirected(current.netloc, f"{target.scheme}://{target.netloc}")
    return target_url
