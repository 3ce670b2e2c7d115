"""Channels: a command, a mail server, a webhook, a ping, each with one attempt.

What goes wrong is described in our words, because messages of other libraries and answers of
servers may have an address or a password in them.
"""

import os
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, localtime
from urllib.parse import urlsplit, urlunsplit

import msgspec
import urllib3

from p4books.errors import P4BooksError, end_sentence
from p4books.extract.connections import ConnectionWatch, load_certificates, open_pool
from p4books.fleet.alerts.messages import Message
from p4books.settings import ENV_PREFIX
from p4books.settings.notify import (
    MAIL_PORTS,
    Channel,
    CommandChannel,
    PingChannel,
    SmtpChannel,
    WebhookChannel,
)

LIMIT_SECONDS = 20.0  # for all that one channel does in a run
COMMAND_SECONDS = 18.0  # after which a command is killed
SILENCE_SECONDS = 10.0  # without a byte

Send = Callable[[], None]


class NotSent(P4BooksError):
    """A channel did not take a message; `label` is what it is called, `why` part of a sentence."""

    def __init__(self, label: str, why: str) -> None:
        super().__init__(
            f"Alerts were not sent over the channel {label}: {end_sentence(why)} The next run, or "
            "`p4books watch`, sends them again; `p4books watch --test` tries the channel."
        )


def send_message(channel: Channel, message: Message) -> None:
    """Send a message over a channel that sends alerts. Raises ChannelFailure."""
    match channel:
        case CommandChannel():
            _run_command(channel, message)
        case SmtpChannel():
            _send_mail(channel, message)
        case WebhookChannel():
            _post(channel, message)
        case PingChannel():
            send_ping(channel, succeeded=True)


def send_ping(channel: PingChannel, *, succeeded: bool) -> None:
    """Request the address of a ping, or the one for a failure. Raises ChannelFailure."""
    address = channel.address
    if not succeeded:
        parts = urlsplit(address)
        address = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
    _request("GET", address)


class ChannelFailure(Exception):
    """What a channel refused or missed, as a part of a sentence without any secret."""


def run_side_by_side(
    sends: Mapping[str, Send], seconds: float = LIMIT_SECONDS
) -> dict[str, str | None]:
    """Call all functions at once, and return by name what went wrong; None if nothing did.

    One that takes longer than `seconds` is left behind, and counts as failed.
    """
    results: dict[str, str | None] = {}

    def run(name: str, send: Send) -> None:
        try:
            send()
        except ChannelFailure as failure:
            results[name] = str(failure)
        except Exception as error:  # noqa: BLE001 - its message may have a secret in it
            results[name] = f"unexpected error ({type(error).__name__})"
        else:
            results[name] = None

    threads = {
        name: threading.Thread(target=run, args=(name, send), daemon=True)
        for name, send in sends.items()
    }
    for thread in threads.values():
        thread.start()
    ends_at = time.monotonic() + seconds
    for thread in threads.values():
        thread.join(max(0.0, ends_at - time.monotonic()))
    late = f"it did not finish within {seconds:g} s"
    done = dict(results)
    return {name: done.get(name, late) for name in sends}


def _run_command(channel: CommandChannel, message: Message) -> None:
    """Run the command with the message on stdin; its output is nobody's to see."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(ENV_PREFIX)  # the API key is not its business
    }
    own = {name: value.get_secret_value() for name, value in channel.env.items()}
    words: str | Sequence[str] = channel.words[0] if channel.shell else channel.words
    try:
        process = subprocess.Popen(  # noqa: S603 - what the settings say
            words,
            shell=channel.shell,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**inherited, **own},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "invalid"
        raise ChannelFailure(f"the command cannot be started ({why})") from None
    try:
        process.communicate(msgspec.json.encode(message.content), timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise ChannelFailure(f"the command did not end within {COMMAND_SECONDS:g} s") from None
    if process.returncode:
        raise ChannelFailure(f"the command ended with {process.returncode}")


def _send_mail(channel: SmtpChannel, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = formataddr(("p4books", channel.sender))
    mail["To"] = ", ".join(channel.to)
    mail["Date"] = format_datetime(localtime())
    domain = channel.sender.rpartition("@")[2]
    mail["Message-ID"] = f"<{message.id}@{domain}>"  # of one sent twice, servers keep one
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    try:
        with _connect(channel) as server:
            if channel.user is not None and channel.password is not None:
                server.login(channel.user, channel.password.get_secret_value())
            refused = server.send_message(mail)
    except smtplib.SMTPException as error:
        raise ChannelFailure(_describe_mail_error(error)) from None
    except (OSError, UnicodeError) as error:
        raise ChannelFailure(_describe_connection(error)) from None
    if refused:
        raise ChannelFailure(
            f"the mail server refused {len(refused)} of {len(channel.to)} addresses"
        )


def _connect(channel: SmtpChannel) -> smtplib.SMTP:
    """Connect to the mail server, encrypted as the channel asks."""
    port = channel.port or MAIL_PORTS[channel.security]
    if channel.security == "ssl":
        tls = load_certificates()
        return smtplib.SMTP_SSL(channel.host, port, timeout=SILENCE_SECONDS, context=tls)
    server = smtplib.SMTP(channel.host, port, timeout=SILENCE_SECONDS)
    if channel.security == "starttls":
        try:
            server.starttls(context=load_certificates())
        except BaseException:
            server.close()
            raise
    return server


def _describe_mail_error(error: smtplib.SMTPException) -> str:
    code = getattr(error, "smtp_code", None)
    shown = f" ({code})" if isinstance(code, int) and code > 0 else ""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refused user or password{shown}"
        case smtplib.SMTPRecipientsRefused():
            return "the mail server refused all addresses"
        case smtplib.SMTPSenderRefused():
            return f"the mail server refused the sender{shown}"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no encryption or login of the kind that is set"
        case smtplib.SMTPServerDisconnected():
            return "the mail server closed the connection"
    return f"the mail server refused the message{shown}"


def _post(channel: WebhookChannel, message: Message) -> None:
    content = message.content
    if channel.format == "slack":
        content = {"text": _escape_slack(f"*{message.subject}*\n{message.text}")}
    _request("POST", channel.address, msgspec.json.encode(content))


def _escape_slack(text: str) -> str:
    """Escape the three signs that mean something in Slack's texts."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _request(method: str, address: str, body: bytes | None = None) -> None:
    """Send one request; a redirect is not followed, since the address is a secret."""
    watch = ConnectionWatch()
    headers = {"User-Agent": "p4books"}
    if body is not None:
        headers["Content-Type"] = "application/json; charset=utf-8"
    try:
        with watch.limit(LIMIT_SECONDS):
            response = open_pool(address, watch).request(
                method,
                address,
                body=body,
                headers=headers,
                timeout=SILENCE_SECONDS,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            response.close()  # its body says nothing that is shown, and may have no end
    except urllib3.exceptions.HTTPError as error:
        if watch.is_cut:
            raise ChannelFailure(f"no answer within {LIMIT_SECONDS:g} s") from None
        raise ChannelFailure(_describe_http_error(error)) from None
    if 300 <= response.status < 400:
        raise ChannelFailure(f"the server redirects ({response.status}), which is not followed")
    if not 200 <= response.status < 300:
        raise ChannelFailure(f"the server answered with {response.status}")


def _describe_http_error(error: urllib3.exceptions.HTTPError) -> str:
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    match cause:
        case urllib3.exceptions.NameResolutionError():
            return "the name of its host is unknown"
        case urllib3.exceptions.SSLError():
            return "the certificate of the server is not trusted, or TLS failed"
        case urllib3.exceptions.ProxyError():
            return "the proxy of the environment could not be reached"
        case urllib3.exceptions.NewConnectionError():  # a TimeoutError, too
            return "no connection to the server"
        case urllib3.exceptions.TimeoutError():
            return f"no answer within {SILENCE_SECONDS:g} s"
    return "the connection failed"


def _describe_connection(error: Exception) -> str:
    """Describe an error of a connection by its kind; never by its text."""
    match error:
        case ssl.SSLError():
            return "the certificate of the server is not trusted, or TLS failed"
        case socket.gaierror():
            return "the name of its host is unknown"
        case TimeoutError():
            return f"no answer within {SILENCE_SECONDS:g} s"
        case ConnectionRefusedError():
            return "no connection to the server"
        case OSError() if error.errno:
            return f"the connection failed ({os.strerror(error.errno)})"
    return "the connection failed"
