"""What does this key reach?"""

from dataclasses import dataclass

from p4books.api.client import Access, Client, throttle_of
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.errors import ApiError, BadAnswer, KeyRefused, RightMissing, Unreachable
from p4books.settings import Settings

SMALL = 1  # rows asked for; an answer with more shows that the page size is not honoured


@dataclass(frozen=True)
class Finding:
    """What one light request told of an endpoint.

    `page_size_honoured` is None where the list is too short to tell; `fault` is the sentence of
    what went wrong, None where nothing did.
    """

    endpoint: str
    reachable: bool
    allowed: bool | None
    announced: int | None
    page_size_honoured: bool | None
    fault: ApiError | None


def probe_all(settings: Settings) -> list[Finding]:
    """Ask for one row of each endpoint that is set.

    Raises KeyRefused and Unreachable at once: they are the same for all.
    """
    client = Client(Access.of(settings), throttle_of(settings))
    return [probe(ENDPOINTS[name], client) for name in settings.endpoints]


def probe(endpoint: Endpoint, client: Client) -> Finding:
    """Ask for one row of an endpoint."""
    try:
        answer = client.page(endpoint, 1, size=SMALL)
    except (KeyRefused, Unreachable):
        raise
    except ApiError as fault:
        return Finding(
            endpoint=endpoint.name,
            reachable=not isinstance(fault, BadAnswer),
            allowed=False if isinstance(fault, RightMissing) else None,
            announced=None,
            page_size_honoured=None,
            fault=fault,
        )
    tells = answer.rows > SMALL or (answer.total or 0) > SMALL
    return Finding(
        endpoint=endpoint.name,
        reachable=True,
        allowed=True,
        announced=answer.total,
        page_size_honoured=answer.rows <= SMALL if tells else None,
        fault=None,
    )
