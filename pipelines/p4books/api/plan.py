"""How much of each list is read in this run?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from p4books.api.known import LOOK_BACK, Known, Order
from p4books.endpoint import Endpoint


@dataclass(frozen=True)
class Memory:
    """What earlier runs know of a list.

    `held`: there was a whole copy of it. `concluded` is the identity of the last scan that was
    taken in, `known` what it found out.
    """

    held: bool = False
    concluded: str | None = None
    known: Known | None = None


@dataclass(frozen=True)
class Plan:
    """What of each list is read in this run.

    `whole` lists are read from end to end, and of those in `tails` the pages where new rows stand.
    Then the scans of `firsts` go on, of which there is no whole copy yet, then those of `others`.
    `known` is what is known of the order and length of lists that have a tail. `fresh`: a whole
    reading that was broken off is begun anew where a page of it is over an hour old.
    """

    whole: Sequence[str]
    tails: Sequence[str]
    firsts: Sequence[str]
    others: Sequence[str]
    known: Mapping[str, Known]
    fresh: bool = True


def plan(endpoints: Sequence[Endpoint], memory: Mapping[str, Memory], requests: int | None) -> Plan:
    """Plan a run of so many requests (None: as many as it takes).

    A list that costs no more than its share of them is read whole: that is its tail, too.
    """
    names = [endpoint.name for endpoint in endpoints]
    known = {name: told for name in names if name in memory and (told := memory[name].known)}
    held = {name for name in names if name in memory and memory[name].held}
    whole = names if requests is None else _whole(names, known, requests)
    rest = [name for name in names if name not in whole]
    tailed = {name: told for name, told in known.items() if told.order is not Order.NONE}
    return Plan(
        whole=whole,
        tails=[name for name in rest if name in held and name in tailed],
        firsts=[name for name in rest if name not in held],
        others=[name for name in rest if name in held],
        known={name: told for name, told in tailed.items() if name in held},
        fresh=requests is not None,
    )


def runs_to_see_all(lists: Mapping[str, Known], requests: int) -> float:
    """Tell how many runs of so many requests it takes to see every row; infinity: it never ends."""
    whole = _whole(list(lists), lists, requests)
    rest = [known for name, known in lists.items() if name not in whole]
    tails = sum(min(known.pages, LOOK_BACK) for known in rest if known.order is not Order.NONE)
    left = requests - tails - sum(lists[name].requests for name in whole)
    scans = sum(known.requests for known in rest)
    if not rest:
        return 1
    return -(-scans // left) if left > 0 else math.inf


def _whole(names: Sequence[str], known: Mapping[str, Known], requests: int) -> list[str]:
    """Choose the lists that fit into their shares; what one leaves of its share the others have."""
    chosen = set()
    left, lists = requests, len(names)
    for name in sorted(known, key=lambda name: known[name].requests):
        cost = known[name].requests
        if cost * lists > left:
            break
        chosen.add(name)
        left, lists = left - cost, lists - 1
    return [name for name in names if name in chosen]
