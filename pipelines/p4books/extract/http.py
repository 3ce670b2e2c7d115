"""HTTP session that sends the key to one host only, one attempt per call."""

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

REDIRECTS = 3  # followed in a row, on the same host only


@dataclass
class RequestCounts:
    """What asking cost so far; `waited` in seconds."""

    requests: int = 0
    refused: int = 0
    waited: float = 0.0

    def wait(self, seconds: float) -> None:
        """Count seconds that a request waited under the limit."""
        self.waited += seconds


class HttpSession:
    """Sends requests with the key, under the limit, to one host and no other.

    Nothing is repeated here: every try, also one after a redirect, passes the throttle and is
    counted. Raises urllib3's HTTPError where no whole answer came, and Redirected.
    """

    def __init__(self, address: str, key: str, throttle: RateLimiter, timeout: float) -> None:
        self.counts = RequestCounts()
        self._throttle = throttle
        self._timeout = timeout
        self._left = False
        self._pool = _open_pool(address)
        self._pool.pool_classes_by_scheme = _pools_noting_sends(self._leaving)
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }

    @property
    def left(self) -> bool:
        """Whether any byte of the last request may have left: if not, it was never made."""
        return self._left

    def post(
        self,
        url: str,
        body: bytes,
        *,
        waits: Callable[[], object] = lambda: None,
        leaves: Callable[[], object] = lambda: None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one POST, once, and return its whole answer; a redirect is not followed.

        `waits` is called before it waits under the limit, `leaves` when it is about to leave.
        """
        return self._send("POST", url, body, waits, leaves)

    def get(self, url: str, parameters: dict[str, str | int]) -> urllib3.BaseHTTPResponse:
        """Send one GET and return its whole answer."""
        url = f"{url}?{urlencode(parameters)}"
        for _ in range(REDIRECTS):
            response = self._send("GET", url)
            target = response.get_redirect_location()
            if not target:
                return response
            url = _same_host(url, target)
        raise urllib3.exceptions.ResponseError("redirects that lead in a circle")

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        waits: Callable[[], object] = lambda: None,
        leaves: Callable[[], object] = lambda: None,
    ) -> urllib3.BaseHTTPResponse:
        self._left = False
        slot = self._throttle.acquire(self.counts.wait, waits)
        try:
            leaves()
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
            self._throttle.release(slot)

    def _leaving(self) -> None:
        self._left = True


def _pools_noting_sends(leaving: Callable[[], None]) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Make pools whose connections tell when, connected, they begin to send a request."""

    class Watched(HTTPConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.is_closed:
                self.connect()
            leaving()
            super().request(*args, **kwargs)

    class WatchedTls(Watched, HTTPSConnection):
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Watched

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = WatchedTls

    return {"http": Pool, "https": TlsPool}


def _open_pool(address: str) -> urllib3.PoolManager:
    """Open connections the way this machine's environment says: proxies, certificates."""
    authorities = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    parts = urlsplit(address)
    here = parts.scheme == "http"  # allowed to this machine only, which no proxy reaches
    proxy = None if here or proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
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


def _same_host(here: str, target: str) -> str:
    """Return where a redirect leads. Raises Redirected where the key must not go there."""
    old = urlsplit(here)
    try:
        there = urljoin(here, target)
        new = urlsplit(there)
    except ValueError:
        raise Redirected(old.netloc, "an address that is none") from None
    if (old.scheme, old.netloc) != (new.scheme, new.netloc):
        raise Redirected(old.netloc, f"{new.scheme}://{new.netloc}")
    return there
