"""Redirects: where they lead, and how messages name them."""

import pytest

from p4books.extract.redirects import resolve_redirect

HERE = "https://acme.p4books.com/api/v1/purchase-orders?page=1"


@pytest.mark.parametrize(
    ("location", "same_host", "adds_slash"),
    [
        ("/api/v1/purchase-orders/?page=1", True, True),
        ("https://acme.p4books.com/api/v1/purchase-orders/", True, True),
        ("?page=1", True, False),
        ("/api/v2/purchase-orders/", True, False),
        ("http://acme.p4books.com/api/v1/purchase-orders/", False, False),
        ("https://acme.p4books.com:8443/api/v1/purchase-orders/", False, False),
        ("https://other.example/api/v1/purchase-orders/", False, False),
        ("//acme.p4books.com@other.example/api/v1/purchase-orders", False, False),
        ("https://[", False, False),
        (None, False, False),
    ],
)
def test_target(location: str | None, same_host: bool, adds_slash: bool) -> None:
    """A redirect is on the same host only if scheme, host and port are the same."""
    target = resolve_redirect(HERE, location)

    assert (target.is_same_host, target.adds_slash) == (same_host, adds_slash)


@pytest.mark.parametrize(
    ("location", "base_url"),
    [
        ("https://other.example/api/v1/purchase-orders?page=1", "https://other.example/api/v1"),
        ("https://x:y@other.example:8443/purchase-orders/", "https://other.example:8443"),
        ("https://other.example/login", None),
        ("https://other.example/purchase-orders/login", None),
    ],
)
def test_base_url(location: str, base_url: str | None) -> None:
    """The setting that leads there ends before the endpoint, without a slash."""
    assert resolve_redirect(HERE, location).base_url == base_url


def test_shown() -> None:
    """A message shows no password, no parameter and no control character of an address."""
    target = resolve_redirect(HERE, "https://me:secret@other.example/a\x1b[31m%0a?token=secret")

    assert target.shown == "https://other.example/a?[31m%0a"
    assert resolve_redirect(HERE, "https://[").shown == "an invalid address"
