"""What changed in a month after its ITBMS return was filed."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[..., list[tuple[Any, ...]]]

EFFECTS = "invoice_id, box, change_kind, base_effect, tax_effect"
BEFORE, LATER, LATEST = "2026-02-01", "2026-02-16 12:00:00Z", "2026-03-01"
FILED = "2026-02-15"


@pytest.fixture
def add_version(insert: Action) -> Action:
    """Return a function that adds a version of an invoice of January: its net at 7 %, from one
    timestamp to another."""

    def add_version(
        number: str, net: str, since: str = BEFORE, until: str | None = None, **fields: Any
    ) -> None:
        tax = f"{float(net) * 0.07:.2f}"
        row: dict[str, Any] = {"id": number, "code": f"F-{number}", "document_date": "2026-01-10"}
        row |= {"status": "Posted", "subtotal": net, "tax_total": tax}
        row |= {"lines": [{"tax_code": "ITBMS", "subtotal": net}], **fields}
        insert("invoices", **row, _dlt_valid_from=since, _dlt_valid_to=until)

    return add_version


@pytest.fixture
def file_month(insert: Action, set_as_of: Action) -> Action:
    """Return a function that files a month; the books are as of 31 March."""
    set_as_of("2026-03-31", history_since="2026-01-01")

    def file_month(month: str = "2026-01-01", filed_on: str = FILED) -> None:
        insert("filed_returns", form="430", month=month, filed_on=filed_on)

    return file_month


@pytest.fixture
def changes(query_text: Query) -> Query:
    """Return a function that selects columns of each change."""

    def changes(columns: str = EFFECTS) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.changes_after_filing"
            " order by month_on, invoice_id, first_seen_at, box, currency"
        )

    return changes


def test_nothing_filed(add_version: Action, changes: Query) -> None:
    """Without filed months nothing changed after filing."""
    add_version("1", "100", until=LATER)

    assert changes() == []


def test_nothing_changed(add_version: Action, file_month: Action, changes: Query) -> None:
    """What was there before filing, changed before it, belongs to another month, is void or was
    paid later is no change."""
    file_month()
    add_version("1", "100")
    add_version("2", "1", until="2026-02-10")
    add_version("2", "100", since="2026-02-10")
    add_version("3", "100", document_date="2026-02-01", since=LATER)
    add_version("4", "100", status="Void", since=LATER)
    add_version("5", "100", until=LATER)
    add_version("5", "100", status="Paid", amount_paid="107", since=LATER)

    assert changes() == []


FATES: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None, list[tuple[str, ...]]]] = {
    # the version at filing, the version after it, the rows: change, box, base and tax effect
    "new": (None, {}, [("new", "11", "100.00", "7.00")]),
    "deleted": ({}, None, [("deleted", "11", "-100.00", "-7.00")]),
    "voided": ({}, {"status": "VOID"}, [("voided", "11", "-100.00", "-7.00")]),
    "no longer void": (
        {"status": "void"},
        {"status": "Paid"},
        [("no longer void", "11", "100.00", "7.00")],
    ),
    "issued": ({"status": "Draft"}, {}, [("issued", "11", "100.00", "7.00")]),
    "set back": ({}, {"status": "Draft"}, [("set back to draft", "11", "-100.00", "-7.00")]),
    "dated in": (
        {"document_date": "2026-02-01"},
        {},
        [("dated into the month", "11", "100.00", "7.00")],
    ),
    "dated out": (
        {},
        {"document_date": "2025-12-31"},
        [("dated out of the month", "11", "-100.00", "-7.00")],
    ),
    "amount": (
        {},
        {"subtotal": "90", "tax_total": "6.30",
         "lines": [{"tax_code": "ITBMS", "subtotal": "90"}]},
        [("changed", "11", "-10.00", "-0.70")],
    ),
    "tax charged only": ({}, {"tax_total": "7.50"}, [("changed", "11", "0.00", "0.50")]),
    "tax code of a line": (
        {},
        {"tax_total": "0", "lines": [{"tax_code": "EXENTO", "subtotal": "100"}]},
        [("changed", "11", "-100.00", "-7.00"), ("changed", "17", "100.00", "0.00")],
    ),
    "into a credit note": (
        {},
        {"subtotal": "-100", "tax_total": "-7", "total": "-107",
         "lines": [{"tax_code": "ITBMS", "subtotal": "-100"}]},
        [("changed", "11", "-100.00", "-7.00"), ("changed", "20", "-100.00", "-7.00")],
    ),
    "currency": (
        {},
        {"currency": "EUR"},
        [("changed", "11", "100.00", "7.00"), ("changed", "11", "-100.00", "-7.00")],
    ),
    "customer only": ({"customer_id": "1"}, {"customer_id": "2"}, []),
    "within the month": ({}, {"document_date": "2026-01-31"}, []),
    "lines moved": ({}, {"lines": [{"tax_code": "ITBMS", "subtotal": "60"},
                                   {"tax_code": "ITBMS7", "subtotal": "40"}]}, []),
    "new without amounts": (None, {"subtotal": "0", "tax_total": "0", "lines": []}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", FATES)
def test_change(add_version: Action, file_month: Action, changes: Query, case: str) -> None:
    """Each kind of change has its effect in each box that it concerns, or none."""
    before, after, expected = FATES[case]
    file_month()
    if before is not None:
        add_version("1", "100", until=LATER, **before)
    if after is not None:
        add_version("1", "100", since=LATER, **after)

    assert changes("change_kind, box, base_effect, tax_effect") == expected


def test_changed_twice(add_version: Action, file_month: Action, changes: Query) -> None:
    """Changed and changed back is no change; changed twice is one, with the effect of both."""
    file_month()
    for number, net in (("1", "100"), ("2", "80")):
        add_version(number, "100", until=LATER)
        add_version(number, "90", since=LATER, until=LATEST)
        add_version(number, net, since=LATEST)

    assert changes("invoice_id, base_before, tax_before, base_now, tax_now, seen_at::date") == [
        ("2", "100.00", "7.00", "80.00", "5.60", LATEST)
    ]


def test_last_change_of_the_amounts(
    add_version: Action, file_month: Action, changes: Query
) -> None:
    """A change is dated by the version since which the boxes hold what they hold now: not by a
    later payment, nor by what happened while the invoice was void."""
    file_month()
    void: dict[str, Any] = {"status": "Void"}
    for number, later, latest in (
        *[("1", {}, {"amount_paid": "5"}), ("2", void, {**void, "amount_paid": "5"})],
        *[("3", void, None), ("4", {}, {"lines": [{"tax_code": "EXENTO", "subtotal": "90"}]})],
        *[("5", {}, {"document_date": "2026-02-01"})],
    ):
        add_version(number, "100", until=LATER)
        add_version(number, "90", since=LATER, until=LATEST, **later)
        if latest is not None:
            add_version(number, "90", since=LATEST, **latest)

    assert [row for row in changes("invoice_id, seen_at::date") if row[1] == LATEST] == [
        *[("4", LATEST), ("4", LATEST), ("5", LATEST)]
    ]
    assert {row for row in changes("invoice_id, seen_at::date") if row[1] != LATEST} == {
        (number, LATER[:10]) for number in ("1", "2", "3")
    }


def test_end_of_the_day(add_version: Action, file_month: Action, changes: Query) -> None:
    """What was seen on the day of filing, until midnight in Panama, was filed."""
    file_month()
    add_version("1", "100", since="2026-02-16 04:59:59.999999Z")
    add_version("2", "100", since="2026-02-16 05:00:00Z")

    assert changes("invoice_id") == [("2",)]


def test_moved_between_filed_months(
    add_version: Action, file_month: Action, changes: Query
) -> None:
    """What moved from one filed month to another is in both, each compared with its own filing."""
    file_month()
    file_month("2026-02-01", "2026-03-15")
    add_version("1", "100", until="2026-03-20")
    add_version("1", "100", since="2026-03-20", document_date="2026-02-02")
    add_version("2", "100", until=LATEST)
    add_version("2", "100", since=LATEST, document_date="2026-02-02")

    assert changes("month_on, invoice_id, change_kind, tax_effect, tax_on_before, tax_on") == [
        *[("2026-01-01", "1", "dated out of the month", "-7.00", "2026-01-10", "2026-02-02")],
        *[("2026-01-01", "2", "dated out of the month", "-7.00", "2026-01-10", "2026-02-02")],
        *[("2026-02-01", "1", "dated into the month", "7.00", "2026-01-10", "2026-02-02")],
    ]


def test_posting_date(
    add_version: Action, file_month: Action, set_as_of: Action, changes: Query
) -> None:
    """If the posting date decides the month, a new posting date moves an invoice."""
    file_month()
    set_as_of("2026-03-31", tax_date="posting")
    add_version("1", "100", until=LATER, posting_date="2026-01-11")
    add_version("1", "100", since=LATER, posting_date="2026-02-01")

    assert changes() == [("1", "11", "dated out of the month", "-100.00", "-7.00")]


def test_deleted_and_restored(add_version: Action, file_month: Action, changes: Query) -> None:
    """What was gone when the month was filed and came back later is restored; what was gone for a
    while after it is no change."""
    file_month()
    add_version("1", "100", until="2026-02-05")
    add_version("1", "100", since=LATER)
    add_version("2", "100", until=LATER)
    add_version("2", "100", since=LATEST)

    assert changes() == [("1", "11", "restored", "100.00", "7.00")]


def test_id_used_again(add_version: Action, file_month: Action, changes: Query) -> None:
    """Another record with the id of a deleted one is another invoice."""
    file_month()
    add_version("1", "100", until=LATER, date_created="2026-01-10")
    add_version("1", "100", since=LATEST, date_created="2026-02-28", code="F-2")

    assert changes("change_kind, invoice_code, tax_effect") == [
        ("deleted", "F-1", "-7.00"),
        ("new", "F-2", "7.00"),
    ]


def test_rectified(add_version: Action, file_month: Action, changes: Query) -> None:
    """A month that was filed twice is compared with the second time, and has no days left; a filing
    after the as-of day does not count."""
    file_month()
    file_month(filed_on="2026-02-20")
    file_month(filed_on="2026-04-01")
    add_version("1", "100", since=LATER)
    add_version("2", "100", since=LATEST)

    assert changes("invoice_id, is_rectified, filed_on, days_left, days_left_without_fine") == [
        ("2", True, "2026-02-20", 0, 0)
    ]


@pytest.mark.parametrize(
    ("day", "days_left", "without_fine"),
    [
        ("2026-05-15", 276, 1),
        ("2026-05-16", 275, 0),
        ("2026-05-17", 274, 0),
        ("2027-02-14", 1, 0),
        ("2027-02-15", 0, 0),
        ("2027-02-16", 0, 0),
    ],
)
def test_days_left(
    add_version: Action,
    file_month: Action,
    set_as_of: Action,
    changes: Query,
    day: str,
    days_left: int,
    without_fine: int,
) -> None:
    """A rectification is possible for twelve months, without a fine for 90 days."""
    file_month()
    set_as_of(day)
    add_version("1", "100", since=LATER)

    assert changes("rectify_until_on, days_left, days_left_without_fine") == [
        ("2027-02-15", days_left, without_fine)
    ]


def test_filed_before_history(
    add_version: Action, file_month: Action, set_as_of: Action, changes: Query
) -> None:
    """What was filed before history began is compared with the first copy, and says so."""
    file_month()
    set_as_of("2026-03-31", history_since=LATER)
    add_version("1", "100", since=LATER, until=LATEST)
    add_version("1", "90", since=LATEST)
    add_version("2", "100", since=LATER)
    add_version("3", "100", since=LATEST)

    assert changes("invoice_id, is_filed_before_history, change_kind, base_effect") == [
        ("1", True, "changed", "-10.00"),
        ("3", True, "new", "100.00"),
    ]


def test_unknown_code(add_version: Action, file_month: Action, changes: Query) -> None:
    """Tax of an unknown code is apart, as charged."""
    file_month()
    add_version("1", "100", until=LATER, lines=[{"tax_code": "NEW", "subtotal": "100"}])

    assert changes() == [("1", "(none)", "deleted", "-100.00", "-7.00")]
