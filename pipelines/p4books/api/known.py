"""What is known of a list before it is read?"""

from dataclasses import dataclass
from enum import Enum

from p4books.api.answer import Answer

LOOK_BACK = 2  # pages of a tail, where nothing was added
LOOK_EVERY = 9  # pages between two looks at the front of a list that grows there


class Order(Enum):
    """How a list is ordered, as far as its first and its last page tell."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    NONE = "none"


@dataclass(frozen=True)
class Known:
    """What an earlier scan found out about a list: rows on a page, rows announced, their order."""

    size: int
    total: int
    order: Order

    @property
    def pages(self) -> int:
        """How many pages the list had."""
        return max(1, -(-self.total // self.size)) if self.size else 1

    @property
    def requests(self) -> int:
        """How many requests it takes to read the list whole, if nothing moves."""
        if self.pages == 1:
            return 1
        looks = self.pages // LOOK_EVERY if self.order is Order.NEWEST_FIRST else 0
        readings = 2 if self.order is Order.NONE else 1
        return 1 + readings * self.pages + looks

    def tail(self) -> list[int]:
        """Return the pages of the tail, the one first that tells how much was added."""
        if self.order is Order.OLDEST_FIRST:
            return [self.pages - back for back in range(LOOK_BACK) if self.pages > back]
        return list(range(1, min(self.pages, LOOK_BACK) + 1))


def order_of(first: Answer, last: Answer) -> Order:
    """Tell how a list is ordered by its first and its last page."""
    if not (first.keys and last.keys):
        return Order.NONE
    top, above, below, bottom = first.keys[0], first.keys[-1], last.keys[0], last.keys[-1]
    if first.rising and last.rising and above <= below and top < bottom:
        return Order.OLDEST_FIRST
    if first.falling and last.falling and above >= below and top > max(above, bottom):
        return Order.NEWEST_FIRST
    return Order.NONE
