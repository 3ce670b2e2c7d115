"""How much of each list is read in this run?"""

import math

from p4books.endpoints import ENDPOINTS
from p4books.extract.pagination import ListOrder, ListProfile
from p4books.extract.reader import EndpointState, RunPlan, count_runs_to_verify, plan_run

ALL = tuple(ENDPOINTS.values())
NAMES = list(ENDPOINTS)


def _memory(**pages: int) -> dict[str, EndpointState]:
    """Lists that are held, of so many pages each, oldest first."""
    return {
        name: EndpointState(
            has_copy=True, profile=ListProfile(10, 10 * count, ListOrder.OLDEST_FIRST)
        )
        for name, count in pages.items()
    }


def test_nothing_known() -> None:
    """Before anything is known every list is a first copy, and none is planned whole."""
    chosen = plan_run(ALL, {}, 90)

    assert chosen == RunPlan(whole=[], tails=[], first_copies=NAMES, others=[], profiles={})


def test_no_end() -> None:
    """Without a budget all lists are read whole."""
    chosen = plan_run(ALL, _memory(invoices=2000), None)

    assert (chosen.whole, chosen.tails, chosen.first_copies, chosen.others) == (NAMES, [], [], [])


def test_all_fit() -> None:
    """Lists that fit into the budget together are read whole, and have no tail of their own."""
    memory = _memory(
        products=3, customers=2, vendors=1, invoices=40, purchase_orders=8, sales_orders=24
    )

    chosen = plan_run(ALL, memory, 84)

    assert (chosen.whole, chosen.tails, chosen.others) == (NAMES, [], [])


def test_one_request_too_few() -> None:
    """Where one list is too long for what is left, it alone is read by its tail and in slices."""
    memory = _memory(
        products=3, customers=2, vendors=1, invoices=40, purchase_orders=8, sales_orders=24
    )

    chosen = plan_run(ALL, memory, 80)

    assert "invoices" not in chosen.whole
    assert (chosen.tails, chosen.others) == (["invoices"], ["invoices"])
    assert len(chosen.whole) == 5


def test_small_beside_large() -> None:
    """Small lists are read whole in each run, however long the others are, and first copies too."""
    memory = _memory(products=4, vendors=1, invoices=2000, purchase_orders=500)

    chosen = plan_run(ALL, memory, 90)

    assert chosen.whole == ["products", "vendors"]
    assert chosen.tails == chosen.others == ["invoices", "purchase_orders"]
    assert chosen.first_copies == ["customers", "sales_orders"]


def test_what_one_leaves_of_its_share() -> None:
    """A list takes no more than its share, but has what shorter ones left of theirs."""
    alone = plan_run(ALL[:2], _memory(products=60, customers=60), 90)
    beside = plan_run(ALL[:2], _memory(products=60, customers=2), 90)

    assert alone.whole == []
    assert beside.whole == ["products", "customers"]


def test_runs_to_see_all() -> None:
    """Short lists are read in every run, so that a long one has only what they leave."""
    pages = {"products": 14, "customers": 14, "vendors": 14, "invoices": 2000}
    lists = {
        name: ListProfile(10, 10 * count, ListOrder.OLDEST_FIRST) for name, count in pages.items()
    }

    assert (
        count_runs_to_verify(lists, 90) == 47
    )  # 45 for the short ones, 2 for the tail: 43 are left
    assert count_runs_to_verify(lists, 3000) == 1
    assert count_runs_to_verify(lists, 2) == math.inf


def test_no_order() -> None:
    """A list without order has no tail."""
    memory = {"invoices": EndpointState(True, profile=ListProfile(10, 5000, ListOrder.NONE))}

    chosen = plan_run((ENDPOINTS["invoices"],), memory, 90)

    assert (chosen.whole, chosen.tails, chosen.others) == ([], [], ["invoices"])


def test_first_copy_that_is_known() -> None:
    """A list whose first copy was not whole is begun anew, and has no tail."""
    memory = {
        "invoices": EndpointState(
            has_copy=False, profile=ListProfile(10, 5000, ListOrder.OLDEST_FIRST)
        )
    }

    chosen = plan_run((ENDPOINTS["invoices"],), memory, 90)

    assert (chosen.tails, chosen.first_copies, chosen.profiles) == ([], ["invoices"], {})
