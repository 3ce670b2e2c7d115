"""Connections: certificates, proxies, and the message if there is none."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from p4books.endpoints import ENDPOINTS
from p4books.errors import BadAnswer, BadCertificateFile, BadProxy, Unreachable
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.connections import (
    CERTIFICATE_VARIABLES,
    ConnectionWatch,
    describe_proxy,
    find_proxy,
)
from p4books.extract.rate_limiter import RateLimiter

ADDRESS = "https://acme.p4books.com/api/v1"
CUSTOMERS = ENDPOINTS["customers"]
PAGE = b'{"data":[],"total":0,"page":1}'


class _Handler(BaseHTTPRequestHandler):
    """An empty list for every GET, and a refusal with the status of the server for a CONNECT."""

    server: "Server"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def do_CONNECT(self) -> None:
        self.server.logins.append(self.headers.get("Proxy-Authorization"))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Server(HTTPServer):
    """A server of one empty list, or a proxy."""

    status = 407

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.logins: list[str | None] = []

    def handle_error(self, *_: object) -> None:
        """Ignore clients that leave."""


@contextmanager
def _serve(certificate: trustme.LeafCert | None = None) -> Iterator[Server]:
    with Server() as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that this machine does not know."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate, in a file."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[[str], None]:
    """Fetch a page from an address, in one attempt."""
    limiter = RateLimiter(tmp_path / "slots.sqlite", 1000, 60)

    def fetch(address: str) -> None:
        target = ApiTarget("acme", address, "key", 100, "page", "page_size")
        Client(ApiConnection(target, limiter), max_attempts=1).fetch_page(CUSTOMERS, 1)

    return fetch


def _address(server: Server, scheme: str = "https") -> str:
    return f"{scheme}://127.0.0.1:{server.server_port}/api/v1"


@pytest.mark.parametrize("variable", CERTIFICATE_VARIABLES)
def test_own_authority(
    variable: str,
    authority: trustme.CA,
    authority_file: Path,
    fetch: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate is trusted if the environment names its authority, and only then."""
    with _serve(authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)) as server:
        with pytest.raises(Unreachable, match=r"unknown authority.*SSL_CERT_FILE"):
            fetch(_address(server))
        monkeypatch.setenv(variable, str(authority_file))
        fetch(_address(server))


def _issue(authority: trustme.CA, kind: str) -> trustme.LeafCert:
    host = "other.example" if kind == "other host" else "127.0.0.1"
    if kind == "self-signed":
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    starts, ends = {
        "expired": (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)),
        "not yet": (datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC)),
    }.get(kind, (None, None))
    return authority.issue_cert(
        host, not_before=starts, not_after=ends, key_type=trustme.KeyType.ECDSA
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("expired", "its certificate has expired.*clock of this machine"),
        ("not yet", "its certificate is not valid yet.*clock of this machine"),
        ("other host", "its certificate is for another host.*`base_url`"),
        ("self-signed", "signed by an unknown authority.*PEM file"),
    ],
)
def test_bad_certificate(
    kind: str,
    message: str,
    authority: trustme.CA,
    authority_file: Path,
    fetch: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each fault of a certificate has its own sentence."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))

    with _serve(_issue(authority, kind)) as server, pytest.raises(Unreachable, match=message):
        fetch(_address(server))


def test_no_tls(fetch: Callable[[str], None]) -> None:
    """Https to a port of http is distinguished from a bad certificate."""
    with _serve() as server, pytest.raises(Unreachable, match="does not speak TLS on that port"):
        fetch(_address(server))


def test_only_tls(fetch: Callable[[str], None]) -> None:
    """A server that answers http with an alert of TLS is not a dropped connection."""
    with socket.create_server(("127.0.0.1", 0)) as plug:

        def serve() -> None:
            connection, _ = plug.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(BadAnswer, match="that port speaks https"):
            fetch(f"http://127.0.0.1:{plug.getsockname()[1]}/api/v1")
        thread.join()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "does not exist"),
        (b"", "does not contain certificates in PEM format"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "does not contain"),
        (b"\x30\x82\x01\x01 not PEM", "does not contain certificates in PEM format"),
    ],
)
@pytest.mark.parametrize("variable", CERTIFICATE_VARIABLES)
def test_bad_certificate_file(
    variable: str,
    content: bytes | None,
    what: str,
    fetch: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of certificates that cannot be used is named, with its variable."""
    path = tmp_path / "own.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))

    with pytest.raises(BadCertificateFile, match=f"{variable} names the file {path}, which {what}"):
        fetch(ADDRESS)


def test_certificate_folder(
    authority: trustme.CA,
    fetch: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder of certificates may be named, too; an empty one trusts nobody."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))

    with _serve(_issue(authority, "")) as server, pytest.raises(Unreachable, match="authority"):
        fetch(_address(server))


def test_certificates_are_not_needed(
    fetch: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS nobody needs the file."""
    monkeypatch.setenv("SSL_CERT_FILE", "nothere.pem")

    with _serve() as server:
        fetch(_address(server, "http"))


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "proxy:3128"),
        ({"ALL_PROXY": "http://me:p%40ss@proxy:3128"}, "proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "p4books.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other.com"}, "proxy:3128"),
    ],
)
def test_find_proxy(
    variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is that of the environment; it is shown without user and password."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert describe_proxy(ADDRESS) == proxy
    assert find_proxy("http://127.0.0.1:8000/api/v1") is None


@pytest.mark.parametrize(
    "value",
    ["socks5://me:hunter2@proxy:1080", "http://me:hunter2@proxy:port", "http://me:hunter2@/", "//"],
)
def test_bad_proxy(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that cannot be used is an error that names the variable, but not its password."""
    monkeypatch.setenv("HTTPS_PROXY", value)

    with pytest.raises(BadProxy, match="HTTPS_PROXY") as error:
        find_proxy(ADDRESS)

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (407, r"the proxy 127\.0\.0\.1:\d+ demands a user and a password \(407\)"),
        (403, r"the proxy 127\.0\.0\.1:\d+ refused the connection \(403\)"),
        (200, r"does not speak TLS|closed during the TLS handshake"),
    ],
)
def test_proxy_refuses(
    status: int,
    message: str,
    fetch: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a proxy answers is in the message, its password is not."""
    with _serve() as server:
        server.status = status
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@127.0.0.1:{server.server_port}")

        with pytest.raises(Unreachable, match=message) as error:
            fetch(ADDRESS)

    assert server.logins == ["Basic bWU6aHVudGVyMg=="]
    assert "hunter2" not in str(error.value)


def test_limits_of_one_connection() -> None:
    """A request is cut at its own limit, and the next one is not."""
    watch = ConnectionWatch()
    line, other = socket.socketpair()
    with line, other:
        watch.connect(line)
        with watch.limit(60):
            other.send(b"x")
            assert line.recv(1) == b"x"
        with watch.limit(0.05):
            assert line.recv(1) == b""
        assert watch.is_cut
        with watch.limit(60):
            assert not watch.is_cut
        watch.disconnect()


def test_limits_of_many_connections() -> None:
    """One thread guards all connections: each is cut at its own limit, whatever was set before."""
    pairs = [socket.socketpair() for _ in range(20)]
    watches = [ConnectionWatch() for _ in pairs]
    for watch, (line, _) in zip(watches, pairs, strict=True):
        watch.connect(line)
        with watch.limit(60):
            pass
    number = threading.active_count()
    with watches[0].limit(0.3), watches[1].limit(0.1), watches[2].limit(60):
        assert pairs[1][0].recv(1) == b""
        assert [watch.is_cut for watch in watches[:3]] == [False, True, False]
        assert pairs[0][0].recv(1) == b""
    with watches[3].limit(60):
        assert threading.active_count() <= number

    assert [watch.is_cut for watch in watches] == [True, True, *[False] * 18]
    for watch, ends in zip(watches, pairs, strict=True):
        watch.disconnect()
        for end in ends:
            end.close()


def test_no_thread_for_each_connection() -> None:
    """Sessions that are not used any more leave no threads behind."""
    before = threading.active_count()
    for _ in range(20):
        with ConnectionWatch().limit(60):
            pass

    assert threading.active_count() <= before + 1
