"""Who asks P4 Books for a push?"""

from functools import cached_property

from p4books.api.client import Access, Client, throttle_of
from p4books.api.throttle import Throttle
from p4books.endpoint import Endpoint
from p4books.push.ledger import Ledger
from p4books.push.send import Patience, Sender
from p4books.settings import Settings


class Asking:
    """What reads lists and what sends rows, under one throttle, made when first needed."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, ledger: Ledger, patience: Patience
    ) -> None:
        self.patience = patience
        self._settings = settings
        self._endpoint = endpoint
        self._ledger = ledger

    @cached_property
    def client(self) -> Client:
        """What reads the list."""
        patience = self.patience
        return Client(self._access, self._slots, patience.backoff, patience.sleep)

    @cached_property
    def sender(self) -> Sender:
        """What sends the rows."""
        return Sender(self._access, self._slots, self._endpoint, self._ledger, self.patience)

    @property
    def cost(self) -> tuple[int, float]:
        """Return how many requests were made, and how many seconds they waited under the limit."""
        made = [each.counts for each in vars(self).values() if isinstance(each, Client | Sender)]
        return sum(each.requests for each in made), sum(each.waited for each in made)

    @cached_property
    def _access(self) -> Access:
        return Access.of(self._settings)

    @cached_property
    def _slots(self) -> Throttle:
        return throttle_of(self._settings)
