"""When do customers pay?"""

from typing import NamedTuple

from p4books_sandbox.chance import Chance
from p4books_sandbox.distributor import days


class Settled(NamedTuple):
    """How an invoice stands on the last day: paid is cents, on is the day it last changed."""

    status: str
    paid: int
    on: int


def settle(day: int, due: int, total: int, chance: Chance) -> Settled:
    """Let a customer pay an invoice of a day, due on a day: most on time, some late or never."""
    paid_on = max(day, due + _late(chance()))
    if paid_on <= days.LAST:
        return Settled("Paid", total, paid_on)
    share = int(chance() * 30)
    if 0 < share < 10 and total > 1:
        return Settled("PartiallyPaid", max(1, total * share // 10), min(days.LAST, due))
    return Settled("Posted", 0, day)


def _late(luck: float) -> int:
    """Give days after the due day, or before it when negative."""
    if luck < 0.70:
        return int(luck * 20) - 8
    if luck < 0.90:
        return int((luck - 0.70) * 300)
    return int((luck - 0.90) * 1600) if luck < 0.98 else 9999
