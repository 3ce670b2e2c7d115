"""Fixtures of alerts: a tenant's log of runs, hand-written books, and servers that receive."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from p4books.errors import P4BooksError
from p4books.settings import Settings, validate_settings
from p4books.storage.run_log import EndpointRun, RunLog, SyncSummary, record_run

BOOKS = {  # the columns that our alerts read, as the published file has them
    "core.as_of": "as_of_at timestamptz",
    "core.today": "as_of_on date, history_since timestamptz",
    "reporting.ar_aging": (
        "customer_id varchar, customer_name varchar, currency varchar, is_over_limit boolean,"
        " credit_limit decimal(18, 2), balance decimal(18, 2)"
    ),
    "reporting.document_changes": (
        "document_id varchar, document_code varchar, changed_from varchar, changed_to varchar,"
        " is_changed_after_posting boolean, seen_at timestamptz"
    ),
    "reporting.itbms_return": "month_on date, due_on date, pay_by_on date, filed_on date",
}


@dataclass
class Tenant:
    """A tenant without P4 Books, whose runs and books are written by hand."""

    settings: Settings

    def notify(self, *channels: dict[str, Any], **changes: Any) -> "Tenant":
        """Return the same tenant with these channels, and other settings."""
        values = {**vars(self.settings), "notify": list(channels), **changes}
        return Tenant(validate_settings(values))

    def log_run(
        self, *faults: P4BooksError, error: BaseException | None = None, **outcomes: str
    ) -> SyncSummary:
        """Log a run: how its lists came out, its errors, and the one that ended it."""
        self.settings.private.mkdir(parents=True, exist_ok=True)
        log, summary = RunLog(self.settings.run_log), SyncSummary(self.settings.tenant)
        summary.faults += faults
        with suppress(BaseException), record_run(log, summary) as run:
            for name, outcome in outcomes.items():
                run.log.record_endpoint_runs(run.number, read_list(name, outcome))
            if error:
                raise error
        return summary

    def log_done(self) -> SyncSummary:
        """Log a run that read all lists."""
        outcomes: dict[str, Any] = dict.fromkeys(self.settings.endpoints, "done")
        return self.log_run(**outcomes)

    def publish(self, *inserts: str, **tables: str) -> None:
        """Publish books with these rows; columns may be given for a table, named layer__name."""
        self.settings.data_dir.mkdir(exist_ok=True)
        self.settings.published.unlink(missing_ok=True)
        own = {name.replace("__", "."): columns for name, columns in tables.items()}
        with duckdb.connect(self.settings.published) as con:
            for name, columns in {**BOOKS, **own}.items():
                con.execute(f"create schema if not exists {name.partition('.')[0]}")
                con.execute(f"create table {name} ({columns})")
            for insert in inserts:
                con.execute(f"insert into {insert}")


def read_list(name: str, outcome: str, at: float | None = None) -> EndpointRun:
    """Return what a run did for a list; `done` reads all of it."""
    now = time.time() if at is None else at
    done = outcome == "done"
    return EndpointRun(
        name, "whole", outcome, now, now, current_to=now if done else None, complete=done, held=5
    )


@pytest.fixture
def watched(tmp_path: Path) -> Tenant:
    """A tenant without any run or file yet."""
    return Tenant(validate_settings({"tenant": "acme", "data_dir": tmp_path / "data"}))


@dataclass
class Receiver:
    """An HTTP server on this machine: its address, what it received, and what it answers."""

    address: str = ""
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    answer: int = 200
    hook: Callable[[], None] = lambda: None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that receives webhooks and pings."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _receive(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            receiver.requests.append((self.command, self.path, body))
            receiver.hook()
            self.send_response(receiver.answer)
            if receiver.answer == 302:
                self.send_header("Location", f"{receiver.address}/elsewhere")
            self.end_headers()

        do_GET = do_POST = _receive  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


@dataclass
class Mailbox:
    """A mail server on this machine: its port, and the mails that it received."""

    port: int
    mails: list[Any] = field(default_factory=list)


@pytest.fixture
def open_mailbox() -> Iterator[Callable[..., Mailbox]]:
    """Open mail servers that demand a login, with STARTTLS if they get certificates."""
    with ExitStack() as stack:

        def open_mailbox(tls: ssl.SSLContext | None = None, password: str = "") -> Mailbox:
            return stack.enter_context(_serve_mail(tls, password))

        yield open_mailbox


@contextmanager
def _serve_mail(tls: ssl.SSLContext | None, password: str) -> Iterator[Mailbox]:
    class Server(Controller):
        server: Any

        def _trigger_server(self) -> None:
            """Connect for a trial to the port that the server got, which is not known before."""
            sockets = self.server.sockets
            self.port = sockets[0].getsockname()[1]
            super()._trigger_server()  # type: ignore[no-untyped-call]

    mailbox = Mailbox(0)

    class Handler:
        async def handle_DATA(self, _: object, __: object, envelope: Any) -> str:  # noqa: N802
            mailbox.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    def log_in(_: object, __: object, ___: object, ____: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == password.encode(), handled=False)

    options: dict[str, Any] = {"tls_context": tls, "require_starttls": tls is not None}
    if password:
        options |= {
            "authenticator": log_in,
            "auth_required": True,
            "auth_require_tls": tls is not None,
        }
    server = Server(Handler(), hostname="127.0.0.1", port=0, **options)
    server.start()
    mailbox.port = server.port
    try:
        yield mailbox
    finally:
        server.stop()
