"""Redirects: where they lead, whether they may be followed, and what to do about the others."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})

_MAX_SHOWN = 200  # characters of an address


@dataclass(frozen=True)
class RedirectTarget:
    """Where the redirect of a request to `source` leads; `url` is "" if that is not an address."""

    source: str
    url: str

    @property
    def is_same_host(self) -> bool:
        """Whether it leads to the same host, port and scheme; the key goes nowhere else."""
        ours, theirs = urlsplit(self.source), urlsplit(self.url)
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)

    @property
    def adds_slash(self) -> bool:
        """Whether it leads to the same address, with or without a slash at its end."""
        ours, theirs = urlsplit(self.source), urlsplit(self.url)
        same_path = ours.path.rstrip("/") == theirs.path.rstrip("/")
        return self.is_same_host and same_path and ours.path != theirs.path

    @property
    def address(self) -> str:
        """The address without parameters."""
        return self.url.partition("?")[0]

    @property
    def keeps_query(self) -> bool:
        """Whether the parameters of the request are unchanged."""
        return urlsplit(self.source).query == urlsplit(self.url).query

    @property
    def is_encrypted(self) -> bool:
        """Whether it leads to an https:// address."""
        return urlsplit(self.url).scheme == "https"

    @property
    def shown(self) -> str:
        """The address as a message may show it: without user, password and parameters."""
        if not self.url:
            return "an invalid address"
        parts = urlsplit(self.url)
        return _make_printable(f"{parts.scheme}://{_host(parts)}{parts.path}")

    @property
    def base_url(self) -> str | None:
        """The `base_url` with which the same list is there, None if it is another path."""
        path = urlsplit(self.source).path.rstrip("/").rpartition("/")[2]
        parts = urlsplit(self.url)
        start, found, rest = parts.path.rpartition(f"/{path}")
        if not found or rest.strip("/"):
            return None
        return _make_printable(f"{parts.scheme}://{_host(parts)}{start}")

    @property
    def remedy(self) -> str:
        """What to do if it leads to another host, in a sentence."""
        if self.url and not self.is_encrypted:
            return (
                "That address is not encrypted, so the key must not be sent there: ask P4 Books "
                "for an https:// address and set it as `base_url`."
            )
        if self.base_url is None:
            return "Check the setting `base_url`; it must be the address of the API itself."
        return f"If you trust that address, set `base_url` to {self.base_url}."


def resolve_redirect(url: str, location: str | None) -> RedirectTarget:
    """Return where a redirect of a request to `url` leads."""
    try:
        target = urljoin(url, location or "")
        urlsplit(target).port  # noqa: B018 - raises ValueError for an invalid one
    except ValueError:
        target = ""
    return RedirectTarget(url, target if location else "")


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _make_printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:_MAX_SHOWN]
