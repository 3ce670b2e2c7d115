"""Channels: what arrives at real servers, and what is said if it does not; never a secret."""

import json
import socket
import ssl
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.p4books.fleet.alerts.conftest import Mailbox, Receiver

from p4books.fleet.alerts.channels import (
    ChannelFailure,
    run_side_by_side,
    send_message,
    send_ping,
)
from p4books.fleet.alerts.evaluate import Firing
from p4books.fleet.alerts.messages import MAX_LINES, Message, build_message
from p4books.fleet.alerts.state import Change
from p4books.settings import validate_settings
from p4books.settings.notify import Channel, PingChannel, parse_channels

SECRET = "T0P-S3CRET"  # noqa: S105 - of no one
NOW = 1_793_361_600.0  # 2026-10-30 12:00 UTC


def make(**entry: Any) -> Channel:
    """Return a channel."""
    (channel,) = parse_channels([entry])
    return channel


def make_message(*states: str, language: str = "en", title: str = "Late <b> & co") -> Message:
    """Return a message about one alert in each of these states."""
    settings = validate_settings({"tenant": "acme", "language": language})
    firing = Firing("stale", "x", "error", title, "One.\nTwo.", "Atrasada", "Uno.")
    changes = [
        Change(f"id{at}", state, firing, NOW - 3600, NOW if state == "recovered" else None, at)
        for at, state in enumerate(states)
    ]
    return build_message(settings, changes, NOW)


def fail(channel: Channel, message: Message | None = None) -> str:
    """Send a message, expect that it fails, and return why."""
    with pytest.raises(ChannelFailure) as failure:
        send_message(channel, message or make_message("new"))
    error = failure.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return str(failure.value)


def test_text() -> None:
    """The text says what is new, ongoing and over; the subject names the tenant and the worst."""
    message = make_message("recovered", "new", "ongoing")

    assert message.subject == "acme: Late <b> & co (+2)"
    assert message.text == (
        "New:\n- error: Late <b> & co\n  One.\n  Two.\n\n"
        "Still firing:\n- error: Late <b> & co (since 30 Oct 2026 06:00)\n  One.\n  Two.\n\n"
        "Recovered:\n- error: Late <b> & co (since 30 Oct 2026 06:00)\n\n"
        "p4books, tenant acme, 30 Oct 2026 07:00 (America/Panama)"
    )


def test_spanish() -> None:
    """In Spanish, if the setting `language` says so."""
    message = make_message("recovered", language="es")

    assert message.subject == "acme: resuelta: Atrasada"
    assert message.text.splitlines()[:2] == [
        "Resueltas:", "- error: Atrasada (desde 30/10/2026 06:00)",
    ]  # fmt: skip


def test_many_rows() -> None:
    """A text has the first rows of an alert and how many more there are; the JSON has all."""
    message = make_message(*["new"] * (MAX_LINES + 3))

    assert message.text.count("Late") == MAX_LINES
    assert "- stale: and 3 more" in message.text
    assert len(message.content["changes"]) == MAX_LINES + 3


def test_webhook(receiver: Receiver) -> None:
    """A webhook gets everything as JSON, with instants in UTC."""
    send_message(make(kind="webhook", url=f"{receiver.address}/{SECRET}?a=b"), make_message("new"))

    ((method, path, body),) = receiver.requests
    content = json.loads(body)
    assert (method, path) == ("POST", f"/{SECRET}?a=b")
    assert content["changes"] == [
        {
            "id": "id0",
            "state": "new",
            "alert": "stale",
            "key": "x",
            "severity": "error",
            "title": "Late <b> & co",
            "detail": "One.\nTwo.",
            "since": "2026-10-30T11:00:00.000Z",
            "recovered_at": None,
        }
    ]
    assert {name: content[name] for name in ("tenant", "at")} == {
        "tenant": "acme", "at": "2026-10-30T12:00:00.000Z",
    }  # fmt: skip


def test_slack(receiver: Receiver) -> None:
    """Slack gets a text, in which its signs are escaped."""
    send_message(make(kind="webhook", url=receiver.address, format="slack"), make_message("new"))

    content = json.loads(receiver.requests[0][2])
    assert content.keys() == {"text"}
    assert content["text"].startswith("*acme: Late &lt;b&gt; &amp; co*\nNew:\n")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (500, "the server answered with 500"),
        (404, "the server answered with 404"),
        (302, "the server redirects (302), which is not followed"),
    ],
)
def test_webhook_refuses(receiver: Receiver, answer: int, why: str) -> None:
    """What is not a success is a failure; one request is made, and no redirect is followed."""
    receiver.answer = answer

    assert fail(make(kind="webhook", url=f"{receiver.address}/{SECRET}")) == why
    assert len(receiver.requests) == 1


def test_unreachable() -> None:
    """A server that is not there is described without its address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        webhook = make(kind="webhook", url=f"http://127.0.0.1:{port}/{SECRET}")
        mail = make(kind="smtp", host="127.0.0.1", port=port, **{"from": "a@b.c", "to": "d@e.f"})

        assert fail(webhook) == fail(mail) == "no connection to the server"


def test_not_http() -> None:
    """A server that closes, or answers something else, is described without its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        tls = make(kind="webhook", url=f"https://127.0.0.1:{port}/{SECRET}")

        def close() -> None:
            line, _ = server.accept()
            line.sendall(b"220 " + SECRET.encode() + b"\r\n" * 20)
            line.close()

        found: list[str] = []
        run_side_by_side({"server": close, "client": lambda: found.append(fail(tls))})

    assert found == ["the certificate of the server is not trusted, or TLS failed"]


def test_answer_without_an_end() -> None:
    """The status is enough: no body is read, however much a server sends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        webhook = make(kind="webhook", url=f"http://127.0.0.1:{server.getsockname()[1]}/")

        def answer() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):
                line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    line.sendall(b"more" * 100)
                    time.sleep(0.01)

        send = partial(send_message, webhook, make_message("new"))
        results = run_side_by_side({"server": answer, "client": send}, 3)

    assert results["client"] is None


def test_ping(receiver: Receiver) -> None:
    """A ping is a GET; that of a failure goes to `/fail` after the path, before the query."""
    ping = make(kind="ping", url=f"{receiver.address}/{SECRET}/?rid=1", fail=True)
    assert isinstance(ping, PingChannel)

    send_ping(ping, succeeded=True)
    send_ping(ping, succeeded=False)

    assert [path for _, path, _ in receiver.requests] == [
        f"/{SECRET}/?rid=1", f"/{SECRET}/fail?rid=1",
    ]  # fmt: skip
    assert {method for method, _, _ in receiver.requests} == {"GET"}


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command gets the JSON on stdin and its own environment, but not our settings."""
    monkeypatch.setenv("SOURCES__P4BOOKS__API_KEY", SECRET)
    script = tmp_path / "take it"
    lines = ["#!/bin/sh", "cat > got", 'echo "$1" >> got', "env >> got"]
    script.write_text("\n".join(lines))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    send_message(
        make(kind="command", run=[str(script), "$HOME"], env={"TOKEN": "t"}), make_message("new")
    )

    got = (tmp_path / "got").read_text()
    content, end = json.JSONDecoder().raw_decode(got)
    assert content["tenant"] == "acme"
    assert got[end:].startswith("$HOME\n")
    assert "\nTOKEN=t\n" in got
    assert SECRET not in got


def test_shell(tmp_path: Path) -> None:
    """With `shell` the command is a text for the shell; it need not read what it is given."""
    entry = {"kind": "command", "run": "true | echo $A > out", "shell": True, "env": {"A": "x"}}

    send_message(make(**entry), make_message(*["new"] * 1000))

    assert (tmp_path / "out").read_text() == "x\n"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"run": ["false"]}, "the command ended with 1"),
        (
            {"run": [f"/nowhere/{SECRET}"]},
            "the command cannot be started (No such file or directory)",
        ),
        ({"run": f"echo {SECRET} >&2; exit 7", "shell": True}, "the command ended with 7"),
        ({"run": ["a\0b"]}, "the command cannot be started (invalid)"),
        ({"run": ["true"], "env": {"A=B": SECRET}}, "the command cannot be started (invalid)"),
    ],
)
def test_command_fails(entry: dict[str, Any], why: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A command that fails is described without its words, and what it prints is lost."""
    assert fail(make(kind="command", **entry)) == why
    assert capfd.readouterr() == ("", "")


def test_too_slow() -> None:
    """What takes too long is left behind, and what else goes wrong is named by its kind."""

    def raise_secret() -> None:
        raise OSError(SECRET)

    line, other = socket.socketpair()

    def wait() -> None:
        line.recv(1)

    with line, other:
        results = run_side_by_side({"slow": wait, "odd": raise_secret, "good": lambda: None}, 0.3)

    assert results == {
        "slow": "it did not finish within 0.3 s", "odd": "unexpected error (OSError)", "good": None,
    }  # fmt: skip


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that makes certificates for the tests."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The certificate of a mail server on this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def mail(mailbox: Mailbox, **options: Any) -> Channel:
    """Return the channel of a mail server."""
    given = {
        "host": "localhost",
        "port": mailbox.port,
        "from": "books@acme.test",
        "to": "ana@acme.test, b@c.d",
    }
    return make(kind="smtp", **{**given, **options})


@pytest.fixture
def trusted(
    authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """The same, of an authority that the environment trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return tls


def test_mail(open_mailbox: Callable[..., Mailbox], trusted: ssl.SSLContext) -> None:
    """A mail is sent over STARTTLS after a login, with one id however often it is sent."""
    mailbox = open_mailbox(trusted, SECRET)

    send_message(mail(mailbox, user="ana", password=SECRET),
                 make_message("new", title="Óptica\r\nBcc: x@y.z"))  # fmt: skip

    (got,) = mailbox.mails
    assert got["subject"] == "acme: Óptica Bcc: x@y.z"
    assert (got["from"], got["to"]) == ("p4books <books@acme.test>", "ana@acme.test, b@c.d")
    assert got["bcc"] is None
    assert got["message-id"] == "<id0@acme.test>"
    assert got.get_content().splitlines()[:3] == ["New:", "- error: Óptica Bcc: x@y.z", "  One."]


def test_untrusted_mail_server(open_mailbox: Callable[..., Mailbox], tls: ssl.SSLContext) -> None:
    """A server whose certificate is not trusted never sees the password."""
    mailbox = open_mailbox(tls, SECRET)

    assert "not trusted" in fail(mail(mailbox, user="ana", password=SECRET))
    assert mailbox.mails == []


def test_mail_server_without_tls(open_mailbox: Callable[..., Mailbox]) -> None:
    """A server that does not offer encryption gets nothing, unless the settings ask for none."""
    mailbox = open_mailbox()

    assert "offers no encryption" in fail(mail(mailbox))
    send_message(mail(mailbox, security="none"), make_message("new"))
    assert len(mailbox.mails) == 1


def test_wrong_password(open_mailbox: Callable[..., Mailbox], trusted: ssl.SSLContext) -> None:
    """A refused login is named with the code of the server, not with what was sent."""
    mailbox = open_mailbox(trusted, "another")

    why = fail(mail(mailbox, user="ana", password=SECRET))

    assert why == "the mail server refused user or password (535)"


@pytest.mark.parametrize("second", [{"name": "ops"}, {"name": "webhook 1"}])
def test_two_of_one_name(second: dict[str, str]) -> None:
    """Channels that messages could not tell apart are refused, so that each gets its alerts."""
    urls = [{"kind": "webhook", "url": f"https://example.com/{SECRET}{n}"} for n in range(3)]
    first = {"name": "ops"} if second["name"] == "ops" else {}

    with pytest.raises(ValueError, match=f"called {second['name']}, too") as error:
        parse_channels([{**urls[0], **first}, {**urls[1], **second}, urls[2]])
    assert SECRET not in str(error.value)


def test_nothing_is_shown_of_a_channel() -> None:
    """No representation of a channel, of its settings or of an error about it has a secret."""
    entries: list[dict[str, Any]] = [
        {"kind": "webhook", "url": f"https://hooks.test/{SECRET}?x={SECRET}"},
        {"kind": "ping", "url": f"https://hc.test/{SECRET}"},
        {"kind": "command", "run": ["curl", SECRET], "env": {"A": SECRET}},
        {
            "kind": "smtp",
            "host": "h",
            "from": "a@b.c",
            "to": "d@e.f",
            "user": "u",
            "password": SECRET,
        },
    ]
    channels = parse_channels(entries)
    settings = validate_settings({"tenant": "acme", "notify": entries})

    shown = f"{channels!r} {channels} {settings!r} {settings} {settings.model_dump()}"
    assert SECRET not in shown + settings.model_dump_json()
