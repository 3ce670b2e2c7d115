"""How does a request leave?"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from p4books.api.throttle import Throttle
from p4books.errors import Redirected


@dataclass
class Counts:
    """What asking cost so far."""

    requests: int = 0
    refused: int = 0


def open_session(key: str, throttle: Throttle, counts: Counts) -> requests.Session:
    """Open a session that sends the key, keeps the limit and never leaves the host."""
    session = _SameHostSession()
    adapter = _ThrottledAdapter(throttle, counts)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.auth = _Keyed(key)
    session.headers.update({"Content-Type": "application/json", "Accept": "application/json"})
    return session


class _Keyed(requests.auth.AuthBase):
    """Adds the key; being an auth object it also keeps a .netrc from adding another."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _ThrottledAdapter(HTTPAdapter):
    """Sends under the limit. Every try, also one after a redirect, passes here and is counted."""

    def __init__(self, throttle: Throttle, counts: Counts) -> None:
        super().__init__(max_retries=0)
        self._throttle = throttle
        self._counts = counts

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        slot = self._throttle.acquire()
        try:
            self._counts.requests += 1
            return super().send(*args, **kwargs)
        finally:
            self._throttle.release(slot)


class _SameHostSession(requests.Session):
    """A session that follows a redirect to the same host only: elsewhere the key must not go."""

    def get_redirect_target(self, response: requests.Response) -> str | None:
        target = super().get_redirect_target(response)
        if target is None:
            return None
        here, there = (
            urlsplit(response.url),
            urlsplit(urljoin(response.url, target)),
        )
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise Redirected(here.netloc, f"{there.scheme}://{there.netloc}")
        return target

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Keep the header as it is: the host did not change."""
