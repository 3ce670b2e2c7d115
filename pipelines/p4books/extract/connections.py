"""Connections to one host: proxy and certificates of the environment, and a limit in time."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from p4books.errors import BadCertificateFile, BadProxy

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # first set wins


class ConnectionWatch:
    """What a session knows of its connection, and the means to cut it; one request at a time.

    `sent` is whether any byte of the last request may have been sent; if not, it never arrived.
    `is_cut` is whether it took longer than its limit.
    """

    def __init__(self) -> None:
        self.sent = False
        self.is_cut = False
        self._line: socket.socket | None = None
        self._is_limited = self._is_closed = False

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Cut the connection if what is inside takes longer, whatever it waits for meanwhile.

        A timeout of a socket begins again with each byte, this one does not.
        """
        self.sent = self.is_cut = False
        self._is_limited = True
        _guard.set_deadline(self, time.monotonic() + seconds)
        try:
            yield
        finally:
            _guard.remove_deadline(self)
            self._is_limited = False
            if self._is_closed:
                self._forget()

    def connect(self, line: socket.socket) -> None:
        """Remember a new connection; the copy stays the same when TLS is wrapped around it."""
        self._forget()
        self._line = line.dup()

    def disconnect(self) -> None:
        """Forget a connection that is closed, but not before its last response is read."""
        self._is_closed = True
        if not self._is_limited:
            self._forget()

    def cut(self) -> None:
        """Shut down the connection, whoever waits for it."""
        self.is_cut = True
        if (line := self._line) is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        line, self._line, self._is_closed = self._line, None, False
        if line is not None:
            line.close()


class DeadlineGuard:
    """Cuts connections whose requests take too long: one thread for all sessions of a process.

    To start one for each request takes 0.1 ms, and one for each session would be thousands in a run
    of many tenants. It ends when there is no request by the time of the last deadline it knew.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._deadlines: dict[ConnectionWatch, float] = {}  # in the seconds of time.monotonic
        self._wakes_at = 0.0  # when the thread looks at them
        self._thread: threading.Thread | None = None

    def set_deadline(self, watch: ConnectionWatch, deadline: float) -> None:
        """Cut a connection at a time."""
        with self._turn:
            self._deadlines[watch] = deadline
            if self._thread is None or not self._thread.is_alive():  # it is not, in a fork
                self._wakes_at = deadline
                self._thread = threading.Thread(target=self._keep_deadlines, daemon=True)
                self._thread.start()
            elif deadline < self._wakes_at:
                self._turn.notify()

    def remove_deadline(self, watch: ConnectionWatch) -> None:
        """Leave a connection alone; its next request is never cut for the sake of this one."""
        with self._turn:
            self._deadlines.pop(watch, None)

    def _keep_deadlines(self) -> None:
        with self._turn:
            while self._deadlines:
                now = time.monotonic()
                for watch in [each for each, at in self._deadlines.items() if at <= now]:
                    del self._deadlines[watch]
                    watch.cut()
                if self._deadlines:
                    self._wakes_at = min(self._deadlines.values())
                    self._turn.wait(self._wakes_at - now)
            self._thread = None


_guard = DeadlineGuard()


def open_pool(address: str, watch: ConnectionWatch) -> urllib3.PoolManager:
    """Open a connection pool with the proxy and the certificates of the environment.

    Raises BadCertificateFile and BadProxy.
    """
    is_local = urlsplit(address).scheme == "http"  # allowed for this machine only
    tls = None if is_local else load_certificates()
    proxy = find_proxy(address)
    if proxy is None:
        pool = urllib3.PoolManager(ssl_context=tls)
    else:
        pool = urllib3.ProxyManager(
            proxy,
            proxy_headers=_build_login(proxy),
            ssl_context=tls,
            proxy_ssl_context=tls,
        )
    pool.pool_classes_by_scheme = _build_pool_classes(watch)
    return pool


def find_proxy(address: str) -> str | None:
    """Return the URL of the proxy for an address, with its password; None if there is none.

    No proxy reaches this machine, to which alone http:// is allowed. Raises BadProxy.
    """
    parts = urlsplit(address)
    if parts.scheme == "http" or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    name = next((name for name in (parts.scheme, "all") if proxies.get(name)), None)
    if name is None:
        return None
    proxy = proxies[name] if "://" in proxies[name] else f"http://{proxies[name]}"
    variable = f"{name.upper()}_PROXY"
    try:
        scheme, host, _ = urlsplit(proxy).scheme, urlsplit(proxy).hostname, urlsplit(proxy).port
        urllib3.util.parse_url(proxy)
    except (ValueError, urllib3.exceptions.LocationValueError):
        raise BadProxy(variable, "is not the address of a proxy") from None
    if not host:
        raise BadProxy(variable, "is not the address of a proxy")
    if scheme not in {"http", "https"}:
        raise BadProxy(variable, f"names a proxy of the kind {scheme}, which p4books cannot use")
    return proxy


def describe_proxy(address: str) -> str | None:
    """Return host and port of the proxy for an address, without user and password, or None."""
    proxy = find_proxy(address)
    return proxy and urlsplit(proxy).netloc.rpartition("@")[2]


def load_certificates() -> ssl.SSLContext:
    """Load the certificates that TLS trusts. Raises BadCertificateFile."""
    for variable in CERTIFICATE_VARIABLES:
        if path := os.environ.get(variable):
            return _load_own_certificates(variable, path)
    return _load_usual_certificates()


def _load_own_certificates(variable: str, path: str) -> ssl.SSLContext:
    context = _create_context()
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError:  # an OSError too
        raise BadCertificateFile(
            variable, path, "does not contain certificates in PEM format"
        ) from None
    except FileNotFoundError:
        raise BadCertificateFile(variable, path, "does not exist") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadCertificateFile(variable, path, f"cannot be read ({why})") from None
    return context


@cache
def _load_usual_certificates() -> ssl.SSLContext:
    """Load those of Mozilla, once: it takes 20 ms."""
    context = _create_context()
    context.load_verify_locations(cafile=certifi.where())
    return context


def _create_context() -> ssl.SSLContext:
    try:
        return create_urllib3_context()
    except OSError as error:  # a variable of OpenSSL for debugging
        path = os.environ.get("SSLKEYLOGFILE", "")
        why = error.strerror or str(error)
        raise BadCertificateFile("SSLKEYLOGFILE", path, f"cannot be written ({why})") from None


def _build_login(proxy: str) -> dict[str, str] | None:
    login = urlsplit(proxy)
    if not login.username:
        return None
    return dict(
        urllib3.make_headers(
            proxy_basic_auth=f"{unquote(login.username)}:{unquote(login.password or '')}"
        )
    )


def _build_pool_classes(watch: ConnectionWatch) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Build connection pools that tell `watch` of their connections."""

    class Watched(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            line = super()._new_conn()
            watch.connect(line)
            return line

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.is_closed:
                self.connect()
            watch.sent = True  # connected: from here on the first byte may leave
            super().request(*args, **kwargs)

        def close(self) -> None:
            super().close()
            watch.disconnect()

    class WatchedTls(Watched, HTTPSConnection):
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Watched

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = WatchedTls

    return {"http": Pool, "https": TlsPool}
