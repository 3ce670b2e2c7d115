"""Why a request had no response: descriptions of urllib3's errors, and what to do about them."""

import errno
import ssl
from dataclasses import dataclass

import urllib3

from p4books.extract.encodings import CompressedBody, UnknownEncoding
from p4books.extract.http import RedirectLoop, Timeouts, TooSlow

_TRUST = (
    "If you trust it, save the certificate of its issuer as a PEM file and name that file in the "
    "environment variable SSL_CERT_FILE; a company's own proxy or antivirus often needs that."
)
_CLOCK = "Check the clock of this machine; if it is right, P4 Books must renew the certificate."
_LATER = "Check the network."

# Of OpenSSL: X509_V_ERR_*.
_CERTIFICATE_FAULTS = {
    9: ("its certificate is not valid yet", _CLOCK),
    10: ("its certificate has expired", _CLOCK),
    18: ("its certificate is self-signed", _TRUST),
    19: ("its certificate is signed by an unknown authority", _TRUST),
    20: ("its certificate is signed by an unknown authority", _TRUST),
    21: ("its certificate is signed by an unknown authority", _TRUST),
    23: ("its certificate was revoked", _CLOCK),
}
_OTHER_HOST = frozenset({62, 64})
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
_TLS_ALERT = "\\x15\\x03"  # in the repr of what should be the status line

_MISSING_RESPONSES = (
    (urllib3.exceptions.ReadTimeoutError, "no data within {silence:g} seconds"),
    (TooSlow, "a response that was not complete within {total:g} seconds"),
    (RedirectLoop, "a redirect loop"),
    (urllib3.exceptions.IncompleteRead, "a truncated body"),
    (urllib3.exceptions.SSLError, "a broken TLS connection"),
    (urllib3.exceptions.ProtocolError, "a dropped connection"),
)


@dataclass(frozen=True)
class ConnectionFailure:
    """Why there was no connection, as a clause, and what to do about it, as a sentence."""

    why: str
    remedy: str


def describe_connection_failure(
    error: Exception, timeouts: Timeouts, setting: str, proxy: str | None
) -> ConnectionFailure:
    """Describe why no connection was made.

    `setting` is the one that determines the host, `proxy` is host and port of the one on the way.
    """
    if isinstance(error, urllib3.exceptions.ProxyError):
        return _describe_proxy_failure(error, timeouts, proxy or "")
    if isinstance(error, urllib3.exceptions.SSLError):
        return _describe_tls_failure(error, setting)
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        why = "unknown host name"
    elif isinstance(error, urllib3.exceptions.NewConnectionError):  # a ConnectTimeoutError, too
        why = _describe_refusal(error)
    elif isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        why = f"no connection within {timeouts.silence:g} seconds"
    elif isinstance(error, TooSlow):
        why = f"no connection within {timeouts.total:g} seconds"
    else:
        why = "the connection failed"
    return ConnectionFailure(why, f"Check the setting `{setting}` and the network.")


def describe_missing_response(error: Exception, timeouts: Timeouts) -> str:
    """Return what arrived over a connection instead of a response."""
    if isinstance(error, CompressedBody):
        return str(error)
    if isinstance(error, urllib3.exceptions.ProtocolError) and _TLS_ALERT in str(error.args):
        return "a TLS message: that port speaks https, not http"
    texts = (text for kind, text in _MISSING_RESPONSES if isinstance(error, kind))
    text = next(texts, "a failed transfer")
    return text.format(silence=timeouts.silence, total=timeouts.total)


def suggest_remedy(error: Exception) -> str:
    """Return what to do about a missing response, if that is not just to run again, or ""."""
    if isinstance(error, UnknownEncoding):
        return (
            "Ask P4 Books, or whoever runs the proxy on the way, to compress with gzip or not at "
            "all, as `Accept-Encoding` requests."
        )
    if isinstance(error, TooSlow):
        return (
            "Run again; if it persists, lower the setting `page_size`, or raise `request_timeout` "
            "if the line is that slow."
        )
    return ""


def _describe_refusal(error: urllib3.exceptions.NewConnectionError) -> str:
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno not in {None, errno.ECONNREFUSED}:
        return f"the connection failed: {cause.strerror}"
    return "the connection was refused"


def _describe_tls_failure(error: Exception, setting: str) -> ConnectionFailure:
    cause = error.args[0] if error.args else None
    code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0
    if code in _OTHER_HOST:
        remedy = f"Check the setting `{setting}`; nothing was sent there."
        return ConnectionFailure("its certificate is for another host", remedy)
    if code:
        why, remedy = _CERTIFICATE_FAULTS.get(code, ("its certificate is not trusted", _TRUST))
        return ConnectionFailure(why, remedy)
    reason = getattr(cause, "reason", None) or ""
    if any(sign in reason for sign in _NO_TLS):
        remedy = f"Check the setting `{setting}`: is it an address for https?"
        return ConnectionFailure("it does not speak TLS on that port", remedy)
    if isinstance(cause, ssl.SSLEOFError):
        return ConnectionFailure("the connection was closed during the TLS handshake", _LATER)
    words = reason.lower().replace("_", " ")
    return ConnectionFailure(f"the TLS handshake failed{f': {words}' if words else ''}", _LATER)


def _describe_proxy_failure(
    error: urllib3.exceptions.ProxyError, timeouts: Timeouts, proxy: str
) -> ConnectionFailure:
    """Describe a failure of the proxy, never with the user and password of its URL."""
    cause, remedy = error.original_error, "Check the environment variable HTTPS_PROXY."
    text = str(cause)
    if "Tunnel connection failed: 407" in text:
        return ConnectionFailure(
            f"the proxy {proxy} demands a user and a password (407)",
            "Set the environment variable HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT.",
        )
    if "Tunnel connection failed: " in text:
        status = text.partition("Tunnel connection failed: ")[2][:3]
        return ConnectionFailure(
            f"the proxy {proxy} refused the connection ({status})",
            "Ask whoever runs it to allow this host, or check HTTPS_PROXY and NO_PROXY.",
        )
    inner = describe_connection_failure(cause, timeouts, "base_url", proxy)
    return ConnectionFailure(f"the proxy {proxy} failed: {inner.why}", remedy)
